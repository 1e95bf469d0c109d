"""Find people by the address on their business card and tell where they are known from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.inbox import CaptureEntry, takings_of
from listmgr.cards.models import Card
from listmgr.cards.restriction import restricted_since, subscriber_of
from listmgr.subscribers.address import AddressError, parse_address

# Fewer letters would name half of all cards; more cards than this are found by writing on.
LEAST = 3
MOST = 10
_AFTER_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class FoundCard:
    """A card, who took it where, and whether its person is also a subscriber."""

    card: Card
    takings: tuple[CaptureEntry, ...]
    subscriber_id: int | None
    restricted_since: datetime | None


def find_by_address(session: Session, typed: str) -> list[FoundCard]:
    """Return the cards whose address equals or begins with the input, in order."""
    start = _key(typed)
    if len(start) < LEAST:
        return []
    # By octets, as the index has them: it leads there under any collation, and ends at the last.
    cards = session.scalars(
        sa.select(Card)
        .where(Card.address_key.op("~>=~")(start), Card.address_key.op("~<~")(start + _AFTER_ALL))
        .order_by(sa.text("cards.address_key USING ~<~"), Card.id)
        .limit(MOST)
    )
    return [
        FoundCard(
            card,
            takings_of(session, card),
            subscriber_of(session, card),
            restricted_since(session, card),
        )
        for card in cards
    ]


def _key(typed: str) -> str:
    """Normalize an address, or the beginning of one, for comparison."""
    try:
        return parse_address(typed).key
    except AddressError:
        # Nothing that shows nothing stands in an address, and the database takes no NUL.
        text = "".join(sign for sign in typed.strip() if sign.isprintable())
        return unicodedata.normalize("NFC", text).casefold()
