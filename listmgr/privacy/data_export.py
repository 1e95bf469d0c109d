"""A person's data as one file (Art. 15, 20 GDPR), the same for subscribers and card owners.

The person downloads it from their data page, or staff hand it out on request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.models import Card
from listmgr.cards.restriction import restricted_since
from listmgr.consent.models import Consent
from listmgr.lists.models import MailingList, Purpose
from listmgr.privacy.card_data import (
    HeldCard,
    held_card,
    held_cards,
)
from listmgr.privacy.processing_record import REASONS
from listmgr.subscribers.custom_fields import custom_fields
from listmgr.subscribers.field_assignment import value_of
from listmgr.subscribers.field_catalogue import (
    CORE_FIELDS,
    CatalogueField,
    as_catalogue,
)
from listmgr.subscribers.models import Subscriber


@dataclass(frozen=True, slots=True)
class HeldValue:
    """One field and its value. Not `editable`: the address and archived fields."""

    field: CatalogueField
    value: str
    editable: bool


def held_values(session: Session, subscriber: Subscriber) -> tuple[HeldValue, ...]:
    """Return a person's field values; archived fields only if they hold a value."""
    values = [
        HeldValue(field, value_of(field, subscriber), field.key != "email") for field in CORE_FIELDS
    ]
    for row in custom_fields(session):
        field, live = as_catalogue(row), row.archived_at is None
        value = value_of(field, subscriber)
        if live or value:
            values.append(HeldValue(field, value, live))
    return tuple(values)


def file_of_subscriber(session: Session, subscriber: Subscriber) -> dict[str, Any]:
    """Return all data held of a subscriber and their card, as plain values."""
    return {
        "known_by": "subscription",
        "known_since": subscriber.created_at.isoformat(),
        "restricted_since": subscriber.restricted_at and subscriber.restricted_at.isoformat(),
        "fields": [_plain(value) for value in held_values(session, subscriber)],
        "tags": list(subscriber.tags),
        "basis_note": subscriber.basis_note,
        "subscriptions": _subscriptions(session, subscriber.id),
        "business_cards": _cards(held_cards(session, subscriber.address_key)),
    }


def file_of_card(session: Session, card: Card) -> dict[str, Any]:
    """Return all data held of a person known only by a business card, in the same structure."""
    since = restricted_since(session, card)
    key = card.address_key
    # Each operator who took their card has one.
    held = held_cards(session, key) if key is not None else (held_card(session, card),)
    return {
        "known_by": "business card",
        "known_since": card.captured_at.isoformat(),
        "restricted_since": since and since.isoformat(),
        "fields": [],
        "tags": [],
        "basis_note": "",
        "subscriptions": [],
        "business_cards": _cards(held),
    }


def _cards(held: Iterable[HeldCard]) -> list[dict[str, Any]]:
    reason = REASONS["cards"]
    return [
        {"purpose": reason.purpose, "kept": reason.retention, **card.as_plain()} for card in held
    ]


def _plain(held: HeldValue) -> dict[str, Any]:
    return {
        "key": held.field.key,
        "label": {"de": held.field.label_de, "en": held.field.label_en},
        "value": held.value,
        "purpose": held.field.purpose,
        "legal_basis": held.field.basis.value,
        "kept_months": held.field.retention_months,
    }


def _subscriptions(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    rows = session.execute(
        sa.select(Consent, MailingList.name, Purpose)
        .join(MailingList, MailingList.id == Consent.list_id)
        .join(Purpose, Purpose.id == Consent.purpose_id)
        .where(Consent.subscriber_id == subscriber_id)
        .order_by(Consent.id)
    )
    return [
        {
            "list": name,
            "purpose": purpose.name(consent.language),
            "status": consent.status.value,
            "source": consent.source.value,
            "captured_at": consent.captured_at.isoformat(),
            "confirmed_at": consent.confirmed_at and consent.confirmed_at.isoformat(),
            "ended_at": consent.ended_at and consent.ended_at.isoformat(),
        }
        for consent, name, purpose in rows
    ]
