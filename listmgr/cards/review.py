"""Review a card: correct what was read, then accept or discard it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from listmgr.cards.deletion import delete_card
from listmgr.cards.intake import (
    empty_upload,
    objection,
)
from listmgr.cards.models import Card, CardCapture, CardStatus, CardUpload, UploadStatus
from listmgr.cards.restriction import RESTRICTED, RESTRICTED_WORDS, is_restricted
from listmgr.cards.visibility import locked_card
from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.languages import language_or
from listmgr.subscribers.address import Address, AddressError, parse_address

MAX_WORDS = 2000
# Whoever reviews reads beside it; of whom processing is restricted nothing is deleted.
NEEDS_PICTURE = sa.or_(Card.status == CardStatus.CAPTURED, RESTRICTED)
_LINES = ("first_name", "last_name", "company", "job_title", "phone", "website")


@dataclass(frozen=True, slots=True)
class CardWords:
    """The content of a card as the reviewer leaves it."""

    address: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    job_title: str = ""
    phone: str = ""
    website: str = ""
    postal: str = ""
    note: str = ""
    language: str = ""


class AcceptResult(enum.StrEnum):
    """What happened when a card was accepted."""

    KEPT = "kept"
    # Its operator has another card of this address: they are one now.
    MERGED = "merged"
    # The person had objected: nothing of the card is held any more.
    OBJECTED = "objected"


def accept_card(
    tx: Transaction, card_id: int, own: int | None, words: CardWords, *, at: datetime
) -> tuple[Card, AcceptResult]:
    """Accept a card with these words, for the first time or with a later correction.

    Raises InvalidInput naming the fields, and Refused for a card whose person objected.
    """
    card = locked_card(tx, card_id, own)
    if card.status is CardStatus.OBJECTED:
        raise Refused(N_("No data of this person is stored."))
    checked, address = checked_words(words, tx.settings.default_language)
    when = objection(tx, [checked.address]) if address else None
    if when is not None:
        redact_objected(tx, card, when)
        return card, AcceptResult.OBJECTED
    if address is not None and address.key != card.address_key:
        _no_second_asking(card)
        if is_restricted(tx.session, [address.key]):
            raise Refused(RESTRICTED_WORDS)
        other = _other(tx, card, address.key)
        if other is not None:
            return _merge(tx, card, other), AcceptResult.MERGED
    _write(card, checked, address)
    if card.status is CardStatus.CAPTURED:
        card.status, card.kept_at = CardStatus.KEPT, at
    tx.session.flush()
    delete_picture_if_unused(tx, card.upload_id)
    return card, AcceptResult.KEPT


def discard(tx: Transaction, card_id: int, own: int | None, *, at: datetime) -> None:
    """Delete a card, and its picture if no other card on it waits."""
    card = locked_card(tx, card_id, own)
    upload_id = card.upload_id
    delete_card(tx, card, at=at)
    delete_picture_if_unused(tx, upload_id)


def take_note(tx: Transaction, upload_id: int, *, operator_id: int) -> None:
    """Dismiss the operator's upload that could not be read."""
    upload = tx.session.get(CardUpload, upload_id, with_for_update=True)
    if upload is None or upload.operator_id != operator_id:
        raise NotFound(N_("There is no such upload."))
    if upload.status is UploadStatus.FAILED:
        upload.problem, upload.name, upload.said = "", "", ""


def redact_objected(tx: Transaction, card: Card, objected_at: datetime) -> None:
    """Delete everything a card says; what remains tells that the person was recognized."""
    for name in (*_LINES, "address", "postal", "note"):
        setattr(card, name, "")
    card.address_key, card.guessed, card.problems = None, {}, []
    card.status, card.objected_at = CardStatus.OBJECTED, objected_at
    tx.session.execute(sa.update(CardCapture).where(CardCapture.card_id == card.id).values(said=""))
    empty_upload(tx, card.upload_id, card.id)
    tx.session.flush()


def delete_picture_if_unused(tx: Transaction, upload_id: int | None) -> None:
    """Delete a picture whose last card was reviewed, unless a reason to keep it was given."""
    if upload_id is None:
        return
    waiting = sa.select(Card.id).where(Card.upload_id == upload_id, NEEDS_PICTURE)
    if tx.session.scalars(waiting.limit(1)).first() is not None:
        return
    tx.session.execute(
        sa.update(CardUpload)
        .where(CardUpload.id == upload_id, CardUpload.keep_reason == "")
        .values(content=None, content_type="", name="", remarks=[])
    )


def checked_words(words: CardWords, default_language: str) -> tuple[CardWords, Address | None]:
    """Return the validated words and their address. Raises InvalidInput naming each field."""
    typed = Validator()
    lines = {name: typed.line(name, getattr(words, name)) for name in _LINES}
    postal = typed.text("postal", words.postal, limit=MAX_WORDS)
    note = typed.text("note", words.note, limit=MAX_WORDS)
    address = _address(typed, words.address)
    language = language_or(words.language, default_language)
    if not any((address, lines["first_name"], lines["last_name"], lines["company"])):
        typed.wrong.setdefault("address", N_("Write an address, a name or a company at least."))
    typed.done()
    checked = CardWords(
        address.display if address else "", **lines, postal=postal, note=note, language=language
    )
    return checked, address


def _address(typed: Validator, text: str) -> Address | None:
    if not text.strip():
        return None
    try:
        return parse_address(text)
    except AddressError:
        typed.wrong["address"] = N_("Write an e-mail address: name@example.org.")
        return None


def _no_second_asking(card: Card) -> None:
    """Refuse a new address: the confirmation request was made for the first one (L-04)."""
    if card.consent_id is not None:
        message = N_("The newsletter question belongs to this address; it cannot be changed.")
        raise InvalidInput(message, {"address": message})


def _other(tx: Transaction, card: Card, key: str) -> Card | None:
    return tx.session.scalars(
        sa.select(Card)
        .where(Card.address_key == key, Card.operator_id == card.operator_id, Card.id != card.id)
        .with_for_update()
    ).one_or_none()


def _merge(tx: Transaction, card: Card, other: Card) -> Card:
    tx.session.execute(
        sa.update(CardCapture).where(CardCapture.card_id == card.id).values(card_id=other.id)
    )
    tx.session.execute(
        sa.update(CardUpload).where(CardUpload.card_id == card.id).values(card_id=other.id)
    )
    other.delete_at = max(other.delete_at, card.delete_at)
    upload_id = card.upload_id
    tx.session.expire(card, ["captures"])
    tx.session.delete(card)
    tx.session.flush()
    delete_picture_if_unused(tx, upload_id)
    return other


def _write(card: Card, words: CardWords, address: Address | None) -> None:
    for name in (*_LINES, "postal", "note", "language"):
        setattr(card, name, getattr(words, name))
    card.address = address.display if address else ""
    card.address_key = address.key if address else None
    # Somebody has looked: what the machine had guessed is of no more use.
    card.guessed, card.problems = {}, []
