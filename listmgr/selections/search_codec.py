"""A search as it is kept in a row until everybody it finds has been written down."""

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


def as_kept(wanted: SubscriberQuery) -> dict[str, Any]:
    """The search as JSON; a field by its key, times in ISO 8601."""
    return {one.name: _plain(getattr(wanted, one.name)) for one in fields(wanted)}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return getattr(value, "key", value)


def restored(session: Session, kept: Mapping[str, Any]) -> SubscriberQuery:
    """The search again; raises NotFound when the field it asked for is there no more."""
    told = dict(kept)
    readers: dict[str, Callable[[str], object]] = {
        "status": ConsentStatus,
        "source": ConsentSource,
        "since": datetime.fromisoformat,
        "until": datetime.fromisoformat,
        "field": lambda key: field_by_key(session, key),
    }
    for name, read in readers.items():
        told[name] = read(told[name]) if told.get(name) else None
    return SubscriberQuery(**told)
