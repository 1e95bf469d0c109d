"""The cards in a photo: codes first, which are exact, then what is printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from listmgr.cards.assemble import NO_ADDRESS
from listmgr.cards.card import CardFields, Kind, ParsedCard, ParseResult
from listmgr.cards.collecting import nothing
from listmgr.cards.extras import OCR, SCAN, extra, installed
from listmgr.cards.guess import guess_fields
from listmgr.cards.ocr import models_are_here, read_lines
from listmgr.cards.opening import open_picture
from listmgr.cards.outlines import cards_in
from listmgr.cards.qr import codes_in, shown
from listmgr.cards.reading import is_card_text, parse_text
from listmgr.kit.texts import N_

NO_SCAN = N_(
    "Pictures cannot be read on this server yet. Whoever runs it can add that:"
    " pip install 'listmgr[scan,ocr]'"
)
NO_OCR = N_(
    "No code was found in this picture, and printed cards cannot be read on this server yet."
    " Whoever runs it can add that: pip install 'listmgr[ocr]'"
)
NO_TEXT = N_(
    "No text was found in this picture. Please take it from nearer, in good light, with the whole"
    " card in it."
)
NO_CARD = N_("There is text in this picture, but it does not look like a business card.")
A_CODE_ONLY = N_("The code in this picture holds no card; what it says is shown below as text.")

Told = Callable[[int, int], None]


def read_picture(data: bytes, told: Told = lambda _done, _of: None) -> ParseResult:
    """Every card in a picture; never raises for what the picture is, and asks no network.

    `told(done, of)` hears how many of the cards that were seen have been read.
    """
    if not installed(("PIL",)):
        return nothing(Kind.PICTURE, NO_SCAN)
    picture = open_picture(data)
    if isinstance(picture, str):
        return nothing(Kind.PICTURE, picture)
    coded, texts = _from_codes(picture)
    printed, reason = _from_print(picture, told)
    known = {email.address for card in coded for email in card.fields.emails}
    more = [card for card in printed if not _says_again(card.fields, known, coded=bool(coded))]
    cards = (*coded, *more)
    if cards:
        return ParseResult(Kind.PICTURE, cards, codes=tuple(texts))
    refused = nothing(Kind.PICTURE, A_CODE_ONLY if texts else reason).refused
    return ParseResult(Kind.PICTURE, refused=refused, codes=tuple(texts))


def _from_codes(picture: Any) -> tuple[list[ParsedCard], list[str]]:  # noqa: ANN401
    """The cards the codes hold, and the texts of those that hold none."""
    cards: list[ParsedCard] = []
    texts: list[str] = []
    for text in codes_in(picture) if installed(SCAN) else ():
        found = parse_text(text).cards if is_card_text(text) else ()
        cards.extend(found)
        if not found and (plain := shown(text)):
            texts.append(plain)
    return cards, texts


def _from_print(picture: Any, told: Told) -> tuple[list[ParsedCard], str]:  # noqa: ANN401
    """The printed cards, or why there are none."""
    if not (installed(OCR) and models_are_here()):
        return [], NO_OCR
    pixels = extra("numpy").asarray(picture)
    laid_flat = cards_in(pixels)
    cards, words = _read_all(laid_flat, told) if laid_flat else ([], 0)
    if not cards:
        cards, words = _read_all([pixels], told)
    if cards:
        return cards, ""
    return [], NO_CARD if words else NO_TEXT


def _read_all(pictures: Sequence[Any], told: Told) -> tuple[list[ParsedCard], int]:
    cards: list[ParsedCard] = []
    words = 0
    told(0, len(pictures))
    for number, pixels in enumerate(pictures, start=1):
        lines = read_lines(pixels)
        words += len(lines)
        fields = guess_fields(lines, pictured=True)
        if fields.emails or fields.phones:
            cards.append(ParsedCard(fields, () if fields.emails else (NO_ADDRESS,)))
        told(number, len(pictures))
    return cards, words


def _says_again(fields: CardFields, known: set[str], *, coded: bool) -> bool:
    """Whether the code on the card has said this already, and better."""
    if not coded:
        return False
    return not fields.emails or any(email.address in known for email in fields.emails)
