"""What a parser reads, card after card: the good ones, the refused ones, and no more than fit."""

from __future__ import annotations

from collections.abc import Iterable

from listmgr.cards.parsing.limits import MAX_CARDS
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParsedCard,
    ParseResult,
    RefusedPart,
)
from listmgr.kit.i18n import N_

TOO_MANY_CARDS = N_(
    "The file holds more cards than one upload may; the first ones were read. Please split it."
)


def collected(kind: Kind, reads: Iterable[tuple[int, ParsedCard | str]]) -> ParseResult:
    """Cards or reasons with their places; what comes after MAX_CARDS is not even asked for."""
    cards: list[ParsedCard] = []
    refused: list[RefusedPart] = []
    for position, read in reads:
        if len(cards) + len(refused) >= MAX_CARDS:
            refused.append(RefusedPart(position, TOO_MANY_CARDS))
            break
        if isinstance(read, ParsedCard):
            cards.append(read)
        else:
            refused.append(RefusedPart(position, read))
    return ParseResult(kind, tuple(cards), tuple(refused))


def nothing(kind: Kind, reason: str, position: int = 1) -> ParseResult:
    """An upload that gave no card at all."""
    return ParseResult(kind, refused=(RefusedPart(position, reason),))
