"""What we hold of a person, shown to them by the catalogue, and put right by themselves.

The preferences link is timeless and travels with every mail, also with one that is passed on; the
page of the data has a link of its own, sent to the mailbox alone, that fits no other door and lives
for a day (L-31, T-07, T-20).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.models import Consent
from listmgr.consent.request_confirmation import queue_my_data_link
from listmgr.kit.tokens import TokenInvalid, TokenPurpose, open_token
from listmgr.kit.transaction import Transaction
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.privacy.card_data import (
    HeldCard,
    held_cards,
)
from listmgr.privacy.data_export import (
    HeldValue,
    file_of_subscriber,
    held_values,
)
from listmgr.subscribers.address import parse_address
from listmgr.subscribers.field_assignment import (
    parse_all,
    set_values,
)
from listmgr.subscribers.models import Subscriber

DAY = 86_400
# Who has begun to write may take longer than who only looks.
TO_SEND = 2 * DAY


@dataclass(frozen=True, slots=True)
class MyData:
    """Everything the page may show; `known` is False for somebody who has been erased."""

    known: bool
    language: str = ""
    values: tuple[HeldValue, ...] = ()
    tags: tuple[str, ...] = ()
    basis_note: str = ""
    since: datetime | None = None
    restricted: bool = False
    purpose_ids: tuple[int, ...] = ()
    cards: tuple[HeldCard, ...] = ()


def send_my_data_link(tx: Transaction, subscriber_id: int, *, at: datetime) -> None:
    """Mail the key to the page to the person's own mailbox; nothing for whom we do not know."""
    newest = (
        sa.select(Consent)
        .where(Consent.subscriber_id == subscriber_id)
        .order_by(Consent.id.desc())
        .limit(1)
    )
    consent = tx.session.scalars(newest).one_or_none()
    if consent is not None and consent.subscriber is not None:
        queue_my_data_link(tx, [consent], parse_address(consent.subscriber.address), at=at)


def my_data(session: Session, settings: Settings, token: str) -> MyData:
    """What we hold of the holder. Raises TokenInvalid or TokenExpired; writes nothing."""
    found = session.get(Subscriber, _subscriber_id(settings, token, DAY))
    return MyData(known=False) if found is None else _data(session, found)


def correct(tx: Transaction, token: str, typed: Mapping[str, str], *, at: datetime) -> MyData:
    """Write what the person has put right; an operator is told that it was them, not what.

    Raises InvalidInput with a sentence for each wrong field, Refused for a restricted person.
    """
    subscriber_id = _subscriber_id(tx.settings, token, TO_SEND)
    found = tx.session.get(Subscriber, subscriber_id, with_for_update=True, populate_existing=True)
    if found is None:
        return MyData(known=False)
    held = {one.field.key: one for one in _data(tx.session, found).values if one.editable}
    parsed = parse_all(
        {key: one.field for key, one in held.items()},
        {key: told for key, told in typed.items() if key in held},
    )
    changed = {key: value for key, value in parsed.items() if value != held[key].value}
    if changed:
        set_values(tx.session, found, changed)
        details = {"fields": sorted(changed), "by": "the person"}
        write_audit_entry(tx, None, AuditAction.SUBSCRIBER_CORRECTED, found.id, details, at=at)
    return _data(tx.session, found)


def download(session: Session, settings: Settings, token: str) -> dict[str, Any] | None:
    """The same as plain values, for a file (Art. 20); None for somebody who has been erased."""
    found = session.get(Subscriber, _subscriber_id(settings, token, DAY))
    return None if found is None else file_of_subscriber(session, found)


def _data(session: Session, found: Subscriber) -> MyData:
    consents = sa.select(Consent.purpose_id).where(Consent.subscriber_id == found.id).distinct()
    return MyData(
        known=True,
        language=found.language,
        values=held_values(session, found),
        tags=tuple(found.tags),
        basis_note=found.basis_note,
        since=found.created_at,
        restricted=found.restricted_at is not None,
        purpose_ids=tuple(session.scalars(consents)),
        cards=held_cards(session, found.address_key),
    )


def _subscriber_id(settings: Settings, token: str, max_age: int) -> int:
    parts = open_token(settings.secret_keys, TokenPurpose.MY_DATA, token, max_age=max_age)
    if len(parts) != 1 or not isinstance(parts[0], int):
        raise TokenInvalid
    return parts[0]
