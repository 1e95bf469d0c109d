"""Create a card typed by hand or sent by a program; it enters the inbox like any other."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from listmgr.cards.intake import (
    add_to_inbox,
    capture_facts,
)
from listmgr.cards.models import Card, CardSource, UploadStatus
from listmgr.cards.parsing.parsed_card import (
    CardEmail,
    CardFields,
    CardPhone,
    Guess,
    ParsedCard,
)
from listmgr.cards.restriction import RESTRICTED_WORDS
from listmgr.cards.review import CardWords, checked_words
from listmgr.cards.upload import (
    CaptureFacts,
    Upload,
    checked,
    write_down,
)
from listmgr.kit.errors import Refused
from listmgr.kit.transaction import Transaction


def create_manually(
    tx: Transaction,
    words: CardWords,
    taken: CaptureFacts,
    *,
    key: str | None,
    at: datetime,
    source: CardSource = CardSource.TYPED,
) -> Card | None:
    """Create a card from these words, idempotent by `key`. Raises InvalidInput naming each field.

    Raises Refused if processing of the person's data is restricted, and KeyReused if the key was
    used for other words. Return None if the key's card was deleted since; it is not created again.
    The card is to be reviewed like a photographed one.
    """
    valid_words, _address = checked_words(words, tx.settings.default_language)
    handed = Upload(source, b"", idempotency_key=key)
    facts = checked(taken, handed, at=at)
    upload, fresh = write_down(tx, facts, handed, words=json.dumps(asdict(valid_words)), at=at)
    if not fresh:
        return None if upload.card_id is None else tx.session.get(Card, upload.card_id)
    capture = capture_facts(upload)
    upload.status, upload.done, upload.detected, upload.said = UploadStatus.READ, 1, 1, ""
    card = add_to_inbox(tx, ParsedCard(_fields(valid_words)), capture, at=at)
    if card is None:
        raise Refused(RESTRICTED_WORDS)
    upload.card_id = card.id
    return card


def _fields(words: CardWords) -> CardFields:
    return CardFields(
        first_name=_sure(words.first_name),
        last_name=_sure(words.last_name),
        organisation=_sure(words.company),
        title=_sure(words.job_title),
        emails=(CardEmail(words.address, preferred=True),) if words.address else (),
        phones=(CardPhone(words.phone),) if words.phone else (),
        postal=(_sure(words.postal),) if words.postal else (),
        urls=(_sure(words.website),) if words.website else (),
        note=_sure(words.note),
        language=_sure(words.language),
    )


def _sure(value: str) -> Guess:
    return Guess(value, 1.0) if value else Guess()
