"""The page on which people see and correct the data held of them.

The preferences link never expires and is in every mail, also in forwarded ones. The data page
therefore has its own link, sent only to the mailbox, that is valid for one day and for nothing else
(L-31, T-07, T-20).
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
    """Everything the page may show; `is_known` is False for an erased person."""

    is_known: bool
    language: str = ""
    values: tuple[HeldValue, ...] = ()
    tags: tuple[str, ...] = ()
    basis_note: str = ""
    since: datetime | None = None
    restricted: bool = False
    purpose_ids: tuple[int, ...] = ()
    cards: tuple[HeldCard, ...] = ()


def send_my_data_link(tx: Transaction, subscriber_id: int, *, at: datetime) -> None:
    """Mail the link to the person's own mailbox; do nothing for unknown people."""
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
    """Return the data of the link's owner. Raises TokenInvalid or TokenExpired; writes nothing."""
    person = session.get(Subscriber, _subscriber_id(settings, token, DAY))
    return MyData(is_known=False) if person is None else _data(session, person)


def correct(tx: Transaction, token: str, typed: Mapping[str, str], *, at: datetime) -> MyData:
    """Store the person's corrections; operators see that they corrected data, not what.

    Raises InvalidInput with a message for each wrong field, Refused for a restricted person.
    """
    subscriber_id = _subscriber_id(tx.settings, token, TO_SEND)
    person = tx.session.get(Subscriber, subscriber_id, with_for_update=True, populate_existing=True)
    if person is None:
        return MyData(is_known=False)
    held = {value.field.key: value for value in _data(tx.session, person).values if value.editable}
    parsed = parse_all(
        {key: value.field for key, value in held.items()},
        {key: text for key, text in typed.items() if key in held},
    )
    changed = {key: value for key, value in parsed.items() if value != held[key].value}
    if changed:
        set_values(tx.session, person, changed)
        details = {"fields": sorted(changed), "by": "the person"}
        write_audit_entry(tx, None, AuditAction.SUBSCRIBER_CORRECTED, person.id, details, at=at)
    return _data(tx.session, person)


def download(session: Session, settings: Settings, token: str) -> dict[str, Any] | None:
    """Return the same as plain values for a file (Art. 20); None for an erased person."""
    person = session.get(Subscriber, _subscriber_id(settings, token, DAY))
    return None if person is None else file_of_subscriber(session, person)


def _data(session: Session, person: Subscriber) -> MyData:
    consents = sa.select(Consent.purpose_id).where(Consent.subscriber_id == person.id).distinct()
    return MyData(
        is_known=True,
        language=person.language,
        values=held_values(session, person),
        tags=tuple(person.tags),
        basis_note=person.basis_note,
        since=person.created_at,
        restricted=person.restricted_at is not None,
        purpose_ids=tuple(session.scalars(consents)),
        cards=held_cards(session, person.address_key),
    )


def _subscriber_id(settings: Settings, token: str, max_age: int) -> int:
    parts = open_token(settings.secret_keys, TokenPurpose.MY_DATA, token, max_age=max_age)
    if len(parts) != 1 or not isinstance(parts[0], int):
        raise TokenInvalid
    return parts[0]
