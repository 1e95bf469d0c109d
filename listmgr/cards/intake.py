"""Add cards to the inbox: a new one, one the operator has already, or one of a person who
objected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from listmgr.cards.models import Card, CardCapture, CardSource, CardStatus, CardUpload, NoticeWay
from listmgr.cards.parsing.parsed_card import (
    CardFields,
    ParsedCard,
    as_json,
)
from listmgr.cards.privacy_notice import due_at
from listmgr.cards.restriction import is_restricted
from listmgr.kit.transaction import Transaction
from listmgr.languages import language_or
from listmgr.subscribers.address import AddressError, fingerprint, parse_address
from listmgr.suppression.models import Suppression, SuppressionReason

# The columns a card's own words go to; each has its guess beside it until somebody has looked.
WORDS = (
    "address",
    "first_name",
    "last_name",
    "company",
    "job_title",
    "phone",
    "website",
    "postal",
    "note",
)


@dataclass(frozen=True, slots=True)
class Capture:
    """The facts that accompany an arriving card."""

    operator_id: int
    source: CardSource
    taken_at: datetime
    occasion_id: int | None = None
    said: str = ""
    notice_by_hand: bool = False
    upload_id: int | None = None


def capture_facts(upload: CardUpload) -> Capture:
    """Return the facts of an upload, for each of its cards."""
    return Capture(
        upload.operator_id,
        upload.source,
        upload.taken_at,
        upload.occasion_id,
        upload.said,
        upload.notice_by_hand,
        upload.id,
    )


def add_to_inbox(
    tx: Transaction, parsed: ParsedCard, capture: Capture, *, at: datetime
) -> Card | None:
    """Add one card to the inbox.

    Store nothing about people who objected except that they were recognized, not even the picture.
    Return None if processing is restricted: the stored data stay unchanged and nothing is added. A
    second upload of the same card by the same operator updates the first; it waits at the unique
    index of the address. Cards that others took of the same person are neither shown nor changed.
    """
    addresses = [email.address for email in parsed.fields.emails]
    objected_at = objection(tx, addresses)
    if objected_at is not None:
        return _objected(tx, capture, objected_at, at=at)
    if is_restricted(tx.session, [key for address in addresses if (key := address_key(address))]):
        _let_go_of_photo(tx, capture)
        return None
    values = words_of(parsed.fields, tx.settings.default_language)
    card = _insert(tx, values, parsed, capture, at=at)
    if card is None:
        card = _existing_card(tx, str(values["address_key"]), capture.operator_id)
        _add_to(card, values, capture, tx=tx, at=at)
    _note_capture(tx, card, capture)
    return card


def objection(tx: Transaction, addresses: list[str]) -> datetime | None:
    """Return when a person with one of these addresses objected to mail, or None.

    A bounced mailbox is no objection.
    """
    keys = [key for address in addresses if (key := address_key(address))]
    if not keys:
        return None
    prints = [fingerprint(tx.settings.suppression_key, key) for key in keys]
    return tx.session.scalars(
        sa.select(Suppression.created_at)
        .where(
            Suppression.fingerprint.in_(prints),
            Suppression.lifted_at.is_(None),
            Suppression.reason != SuppressionReason.BOUNCED,
        )
        .order_by(Suppression.created_at)
        .limit(1)
    ).one_or_none()


def address_key(address: str) -> str | None:
    """Return the identity of an address, or None if it is invalid."""
    try:
        return parse_address(address).key
    except AddressError:
        return None


def words_of(fields: CardFields, default_language: str) -> dict[str, Any]:
    """Return a card's columns as they were read."""
    email, first, last = fields.email, fields.first_name.value, fields.last_name.value
    if not first and not last:
        first, _, last = fields.full_name.value.rpartition(" ")
    language = fields.language.value[:2].lower()
    return {
        "address": email.address if email else "",
        "address_key": address_key(email.address) if email else None,
        "first_name": first,
        "last_name": last,
        "company": fields.organisation.value,
        "job_title": fields.title.value,
        "phone": fields.phones[0].number if fields.phones else "",
        "website": fields.urls[0].value if fields.urls else "",
        "postal": fields.postal_address.value,
        "note": fields.note.value,
        "language": language_or(language, default_language),
    }


def _insert(
    tx: Transaction,
    values: dict[str, Any],
    parsed: ParsedCard,
    capture: Capture,
    *,
    at: datetime,
) -> Card | None:
    given = capture.notice_by_hand
    card_id = tx.session.scalar(
        insert(Card)
        .values(
            **values,
            operator_id=capture.operator_id,
            upload_id=capture.upload_id,
            guessed=as_json(parsed.fields),
            problems=list(parsed.problems),
            captured_at=at,
            delete_at=at + timedelta(days=tx.settings.card_days),
            notice_due_at=due_at(capture.taken_at, tx.settings.card_notice_days),
            notice_given_at=capture.taken_at if given else None,
            notice_way=NoticeWay.BY_HAND if given else None,
            notice_by=capture.operator_id if given else None,
        )
        .on_conflict_do_nothing(
            index_elements=["address_key", "operator_id"],
            index_where=sa.text("address_key IS NOT NULL"),
        )
        .returning(Card.id)
    )
    return None if card_id is None else tx.session.get_one(Card, card_id)


def _existing_card(tx: Transaction, key: str, operator_id: int) -> Card:
    return tx.session.scalars(
        sa.select(Card)
        .where(Card.address_key == key, Card.operator_id == operator_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _add_to(
    card: Card, values: dict[str, Any], capture: Capture, *, tx: Transaction, at: datetime
) -> None:
    """Add what the second reading says beyond the first; change nothing that was reviewed."""
    if card.status is CardStatus.CAPTURED:
        for name in WORDS:
            if not getattr(card, name) and values[name]:
                setattr(card, name, values[name])
    card.delete_at = max(card.delete_at, at + timedelta(days=tx.settings.card_days))
    if capture.notice_by_hand and card.notice_given_at is None:
        card.notice_given_at, card.notice_by = capture.taken_at, capture.operator_id
        card.notice_way = NoticeWay.BY_HAND


def _note_capture(tx: Transaction, card: Card, capture: Capture) -> None:
    """Record when and where the card was taken, once for each occasion."""
    existing = tx.session.scalars(
        sa.select(CardCapture).where(
            CardCapture.card_id == card.id,
            CardCapture.occasion_id.is_not_distinct_from(capture.occasion_id),
        )
    ).first()
    if existing is not None:
        existing.said = existing.said or capture.said
        return
    tx.session.add(_taken(card, capture, capture.said))
    tx.session.flush()


def _taken(card: Card, capture: Capture, said: str) -> CardCapture:
    return CardCapture(
        card_id=card.id,
        operator_id=capture.operator_id,
        source=capture.source,
        taken_at=capture.taken_at,
        occasion_id=capture.occasion_id,
        said=said,
    )


def _objected(tx: Transaction, capture: Capture, objected_at: datetime, *, at: datetime) -> Card:
    card = Card(
        operator_id=capture.operator_id,
        status=CardStatus.OBJECTED,
        objected_at=objected_at,
        upload_id=capture.upload_id,
        captured_at=at,
        delete_at=at + timedelta(days=tx.settings.card_days),
        notice_due_at=at,
    )
    tx.session.add(card)
    tx.session.flush()
    tx.session.add(_taken(card, capture, ""))
    _let_go_of_photo(tx, capture)
    tx.session.flush()
    return card


def _let_go_of_photo(tx: Transaction, capture: Capture) -> None:
    """Delete the person's upload, unless it is a file, which is deleted after reading anyway and
    holds other cards.
    """
    if capture.source is CardSource.PHOTO and capture.upload_id is not None:
        empty_upload(tx, capture.upload_id)


def empty_upload(tx: Transaction, upload_id: int | None, card_id: int | None = None) -> None:
    """Delete the personal data of an upload, or of a card's uploads; keep the record of it."""
    tx.session.execute(
        sa.update(CardUpload)
        .where(sa.or_(CardUpload.id == upload_id, CardUpload.card_id == card_id))
        .values(
            content=None,
            content_type="",
            name="",
            said="",
            keep_reason="",
            remarks=[],
            request_print=None,
        )
    )
