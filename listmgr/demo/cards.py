"""Business cards of an invented fair: some to review, some accepted, one request for mail."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.cards.intake import (
    Capture,
    add_to_inbox,
)
from listmgr.cards.models import Card, CardSource
from listmgr.cards.occasions import occasion_id
from listmgr.cards.outreach.consent_statement import store_statement
from listmgr.cards.parsing.parsed_card import (
    CardEmail,
    CardFields,
    CardPhone,
    Guess,
    ParsedCard,
)
from listmgr.cards.review import CardWords, accept_card
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import Notice
from listmgr.operators.models import Operator, Role

FAIR = "Kulturmesse Leipzig"
# First and last name, company, position, how sure the reading was, days ago, what was said.
CARDS = (
    (
        "Ida",
        "Vogt",
        "Stadttheater Halle",
        "Dramaturgie",
        0.97,
        1,
        "sucht Gastspiele im Herbst",
    ),
    ("Mateo", "Rossi", "Festival dei Tigli", "Direzione", 0.62, 1, "will unsere Technikliste"),
    ("Noor", "de Vries", "Concertgebouw Zuid", "Programma", 0.88, 2, ""),
    ("Hanna", "Brandt", "Musikschule Mitte", "Leitung", 0.95, 20, "fragt nach Kursen für Kinder"),
    ("Jonas", "Keller", "Radio Elbwelle", "Redaktion", 0.93, 6, "möchte ein Interview"),
)
STATEMENT = (
    "Herr Keller sagte an unserem Stand, nachdem ich ihm den Lindenbrief gezeigt hatte:"
    " „Den hätte ich gern auch, schicken Sie ihn mir bitte.“"
)


def invent_cards(tx: Transaction, notice: Notice, at: datetime) -> None:
    """Create the cards Finn took; the last two are reviewed."""
    finn = tx.session.scalars(sa.select(Operator.id).where(Operator.role == Role.SALES)).one()
    cards = [_card(tx, finn, words, at) for words in CARDS]
    for card in cards[3:]:
        words = CardWords(card.address, card.first_name, card.last_name, card.company)
        accept_card(tx, card.id, None, words, at=at)
    store_statement(
        tx,
        cards[-1].id,
        None,
        purpose_id=notice.purpose_id,
        words=STATEMENT,
        operator_id=finn,
        at=at,
    )


def _card(
    tx: Transaction,
    finn: int,
    words: tuple[str, str, str, str, float, int, str],
    at: datetime,
) -> Card:
    first, last, company, position, sure, days, said = words
    address = f"{first}.{last.split()[-1]}@{company.split()[0]}.example".lower()
    fields = CardFields(
        first_name=Guess(first, sure),
        last_name=Guess(last, sure),
        organisation=Guess(company, sure),
        title=Guess(position, sure),
        emails=(CardEmail(address, confidence=sure),),
        phones=(CardPhone("+49 341 555000", confidence=sure),),
        language=Guess("de", 1.0),
    )
    taken = at - timedelta(days=days)
    fair = occasion_id(tx, FAIR, at=at)
    capture = Capture(finn, CardSource.PHOTO, taken, fair, said, notice_by_hand=days == 6)
    card = add_to_inbox(tx, ParsedCard(fields), capture, at=taken)
    assert card is not None
    return card
