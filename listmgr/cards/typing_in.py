"""A card typed by hand, or told by a program: it lands in the inbox like any other."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from listmgr.cards.arriving import arrive, capture_of
from listmgr.cards.card import CardEmail, CardFields, CardPhone, Guess, ParsedCard
from listmgr.cards.models import Card, CardSource, UploadStatus
from listmgr.cards.receive import HandedIn, Taken, checked, write_down
from listmgr.cards.restriction import RESTRICTED_WORDS
from listmgr.cards.review import CardWords, checked_words
from listmgr.kit.errors import Refused
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import Address


def type_in(
    tx: Transaction,
    words: CardWords,
    taken: Taken,
    *,
    key: str | None,
    at: datetime,
    source: CardSource = CardSource.TYPED,
) -> Card | None:
    """The card of these words, the same for the same key. InvalidInput with each field.

    Raises Refused where processing of the person's data is restricted.
    None when the key's card has gone since: it is not made a second time. The card is to be
    reviewed like one that was photographed.
    """
    told, address = checked_words(words)
    handed = HandedIn(source, b"", idempotency_key=key)
    upload, fresh = write_down(tx, checked(taken, handed, at=at), handed, at=at)
    if not fresh:
        return _of(tx, upload.id, address)
    capture = capture_of(upload)
    upload.status, upload.done, upload.found, upload.said = UploadStatus.READ, 1, 1, ""
    card = arrive(tx, ParsedCard(_fields(told)), capture, at=at)
    if card is None:
        raise Refused(RESTRICTED_WORDS)
    return card


def _of(tx: Transaction, upload_id: int, address: Address | None) -> Card | None:
    same = Card.upload_id == upload_id
    if address is not None:
        # It may have been added to a card that was there already.
        same |= Card.address_key == address.key
    return tx.session.scalars(sa.select(Card).where(same).order_by(Card.id).limit(1)).first()


def _fields(told: CardWords) -> CardFields:
    return CardFields(
        first_name=_sure(told.first_name),
        last_name=_sure(told.last_name),
        organisation=_sure(told.company),
        title=_sure(told.job_title),
        emails=(CardEmail(told.address, preferred=True),) if told.address else (),
        phones=(CardPhone(told.phone),) if told.phone else (),
        postal=(_sure(told.postal),) if told.postal else (),
        urls=(_sure(told.website),) if told.website else (),
        note=_sure(told.note),
        language=_sure(told.language),
    )


def _sure(value: str) -> Guess:
    return Guess(value, 1.0) if value else Guess()
