"""A search as JSON, stored until everyone it matches is frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.search.conditions import SubscriberQuery
from listmgr.subscribers.field_catalogue import field_by_key


def as_kept(search: SubscriberQuery) -> dict[str, Any]:
    """Return the search as JSON: fields by key, times in ISO 8601."""
    return {part.name: _plain(getattr(search, part.name)) for part in fields(search)}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return getattr(value, "key", value)


def restored(session: Session, kept: Mapping[str, Any]) -> SubscriberQuery:
    """Return the search from JSON. Raises NotFound if a field it uses no longer exists."""
    values = dict(kept)
    readers: dict[str, Callable[[str], object]] = {
        "status": ConsentStatus,
        "source": ConsentSource,
        "since": datetime.fromisoformat,
        "until": datetime.fromisoformat,
        "field": lambda key: field_by_key(session, key),
    }
    for name, read in readers.items():
        values[name] = read(values[name]) if values.get(name) else None
    return SubscriberQuery(**values)
