"""Read the cards in a photo: codes first, which are exact, then print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from listmgr.cards.imaging.barcodes import (
    codes_in,
    shown,
)
from listmgr.cards.imaging.card_detection import cards_in
from listmgr.cards.imaging.ocr import (
    models_are_here,
    read_lines,
)
from listmgr.cards.imaging.optional_deps import (
    OCR,
    SCAN,
    extra,
    installed,
)
from listmgr.cards.imaging.safe_image import open_picture
from listmgr.cards.parsing.build_card import NO_ADDRESS
from listmgr.cards.parsing.classify_lines import guess_fields
from listmgr.cards.parsing.detect_format import (
    is_card_text,
    parse_text,
)
from listmgr.cards.parsing.merge_sources import combined
from listmgr.cards.parsing.parse_result import nothing
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParsedCard,
    ParseResult,
)
from listmgr.kit.i18n import N_

NO_SCAN = N_(
    "Pictures cannot be read on this server yet. Whoever runs it can add that:"
    " pip install 'listmgr[scan,ocr]'"
)
NO_OCR = N_(
    "No code was found in this picture, and printed cards cannot be read on this server yet."
    " Whoever runs it can add that: pip install 'listmgr[ocr]'"
)
NO_TEXT = N_(
    "No text was found in this picture. Take it again from closer, in good light, "
    "with the whole card in view."
)
NO_CARD = N_("There is text in this picture, but it does not look like a business card.")
A_CODE_ONLY = N_("The code in this picture holds no card; what it says is shown below as text.")

OnProgress = Callable[[int, int], None]


def read_picture(data: bytes, on_progress: OnProgress = lambda _done, _of: None) -> ParseResult:
    """Return every card in a picture; never raises for its content and uses no network.

    `on_progress(done, of)` is called with the progress.
    """
    if not installed(("PIL",)):
        return nothing(Kind.PICTURE, NO_SCAN)
    picture = open_picture(data)
    if isinstance(picture, str):
        return nothing(Kind.PICTURE, picture)
    coded, texts = _from_codes(picture)
    printed, reason = _from_print(picture, on_progress)
    cards = combined(coded, printed)
    if cards:
        return ParseResult(Kind.PICTURE, cards, codes=tuple(texts))
    refused = nothing(Kind.PICTURE, A_CODE_ONLY if texts else reason).refused
    return ParseResult(Kind.PICTURE, refused=refused, codes=tuple(texts))


def _from_codes(picture: Any) -> tuple[list[ParsedCard], list[str]]:  # noqa: ANN401
    """Return the cards in codes, and the texts of codes without one."""
    cards: list[ParsedCard] = []
    texts: list[str] = []
    for text in codes_in(picture) if installed(SCAN) else ():
        parsed = parse_text(text).cards if is_card_text(text) else ()
        cards.extend(parsed)
        if not parsed and (plain := shown(text)):
            texts.append(plain)
    return cards, texts


def _from_print(picture: Any, on_progress: OnProgress) -> tuple[list[ParsedCard], str]:  # noqa: ANN401
    """Return the printed cards, including those without an address, or why there are none."""
    if not (installed(OCR) and models_are_here()):
        return [], NO_OCR
    pixels = extra("numpy").asarray(picture)
    laid_flat = cards_in(pixels)
    cards, words = _read_all(laid_flat, on_progress) if laid_flat else ([], 0)
    several = len(laid_flat) > 1 and any(card.fields.emails for card in cards)
    if not several and not any(map(_is_complete, cards)):
        # What was cut out may be coloured bands and panels of the card.
        whole, more = _read_all([pixels], on_progress)
        words += more
        cards = max(cards, whole, key=lambda read: max(map(_worth, read), default=0))
    return cards, NO_CARD if words else NO_TEXT


def _is_complete(card: ParsedCard) -> bool:
    """Whether the card has everything that nearly every card has."""
    fields = card.fields
    return bool(fields.emails and fields.full_name and fields.organisation and fields.phones)


def _worth(card: ParsedCard) -> float:
    """Score a reading: the sum of its fields' confidence."""
    fields = card.fields
    guesses = (fields.full_name, fields.organisation, fields.title, *fields.postal, *fields.urls)
    worth = sum(guess.confidence for guess in guesses)
    worth += sum(2 * email.confidence for email in fields.emails)
    return worth + sum(phone.confidence for phone in fields.phones)


def _read_all(pictures: Sequence[Any], on_progress: OnProgress) -> tuple[list[ParsedCard], int]:
    cards: list[ParsedCard] = []
    words = 0
    on_progress(0, len(pictures))
    for number, pixels in enumerate(pictures, start=1):
        lines = read_lines(pixels)
        words += len(lines)
        fields = guess_fields(lines, pictured=True)
        if fields:
            cards.append(ParsedCard(fields, () if fields.emails else (NO_ADDRESS,)))
        on_progress(number, len(pictures))
    return cards, words
