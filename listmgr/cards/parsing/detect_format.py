"""One upload, whatever it is: recognised by its content, read by the parser that knows it."""

from __future__ import annotations

import re
from collections.abc import Callable

from listmgr.cards.parsing.charset import plain_text
from listmgr.cards.parsing.jcard import parse_jcards
from listmgr.cards.parsing.leads_csv import (
    is_leads,
    parse_leads,
)
from listmgr.cards.parsing.limits import MAX_FILE
from listmgr.cards.parsing.mecard import parse_codes
from listmgr.cards.parsing.parse_result import nothing
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParseResult,
)
from listmgr.cards.parsing.signature import parse_signature
from listmgr.cards.parsing.vcard import parse_vcards
from listmgr.cards.parsing.xcard import (
    is_xcard,
    parse_xcards,
)
from listmgr.kit.i18n import N_

TOO_LARGE = N_("The file is larger than 20 MB. Please split it, or export it without photos.")
EMPTY = N_("The file is empty.")
A_PDF = N_("This is a PDF. Please photograph the card, or save the page as a JPEG picture.")
A_HEIC = N_(
    "This is a HEIC picture, which only Apple's programs read. Please export it as JPEG, or set"
    " the camera to the most compatible format."
)
A_DOCUMENT = N_("This is a document or an archive. Please upload the cards themselves.")
NOT_KNOWN = N_(
    "This is no file of cards we know. Please upload a vCard file, jCard, a CSV of leads, or a"
    " picture of the card."
)

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_DOCUMENTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"Rar!", b"\x1f\x8b", b"7z\xbc\xaf")
_APPLE = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif")
# Line ends stand outside the repetitions, so that a file of nothing else costs no more.
_VCARD = re.compile(r"(?:\A|[\r\n])[ \t]*BEGIN[ \t]*:[ \t]*VCARD[ \t]*(?=[\r\n]|\Z)", re.IGNORECASE)
_JCARD = re.compile(r"\s*\[\s*(?:\[\s*)?\"vcard\"", re.IGNORECASE)
_CODE = re.compile(
    r"\s*(?:(?:MECARD|BIZCARD|MEMORY|MATMSG):"
    r"|MAILTO:[^\s@]+@\S+\s*\Z|SMTP:[^\s@:]+@[^\s:]+(?::|\s*\Z))",
    re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def is_picture(data: bytes) -> bool:
    """Whether these octets are a picture `read_picture` can look at: JPEG, PNG, GIF or WebP."""
    return data.startswith(_PICTURES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def parse_upload(name: str, data: bytes) -> ParseResult:
    """The cards of a file; never raises.

    A picture comes back with the kind PICTURE and nothing else: it is read in a job.
    """
    if is_picture(data):
        return ParseResult(Kind.PICTURE)
    if reason := _refusal(data):
        return nothing(Kind.UNKNOWN, reason)
    text = plain_text(data)
    if _VCARD.search(text):
        return parse_vcards(data)
    if name.lower().endswith((".csv", ".tsv")) and not is_card_text(text):
        return parse_leads(text)
    return parse_text(text)


def parse_text(text: str) -> ParseResult:
    """The cards in a text that was pasted, or that a QR code held; never raises."""
    if not text.strip():
        return nothing(Kind.UNKNOWN, EMPTY)
    if len(text) > MAX_FILE:
        return nothing(Kind.UNKNOWN, TOO_LARGE)
    return _parsed(text.lstrip("\ufeff"))


def _parsed(text: str) -> ParseResult:
    for recognises, parse in _NOTATIONS:
        if recognises(text):
            return parse(text)
    if is_leads(text):
        return parse_leads(text)
    if _CONTROLS.search(text[:5_000]):
        return nothing(Kind.UNKNOWN, NOT_KNOWN)
    return parse_signature(text)


def is_card_text(text: str) -> bool:
    """Whether a text is a card in one of the notations, and not just any text."""
    return any(recognises(text) for recognises, _ in _NOTATIONS)


def _refusal(data: bytes) -> str:
    """Why these octets are not even looked at as text; empty when they are."""
    if not data.strip():
        return EMPTY
    if len(data) > MAX_FILE:
        return TOO_LARGE
    if data.startswith(b"%PDF"):
        return A_PDF
    if data[4:8] == b"ftyp" and data[8:12] in _APPLE:
        return A_HEIC
    if data.startswith(_DOCUMENTS):
        return A_DOCUMENT
    return ""


_NOTATIONS: tuple[tuple[Callable[[str], object], Callable[[str], ParseResult]], ...] = (
    (_VCARD.search, lambda text: parse_vcards(text.encode("utf-8", "replace"))),
    (_JCARD.match, lambda text: parse_jcards(text.encode("utf-8", "replace"))),
    (is_xcard, parse_xcards),
    (_CODE.match, parse_codes),
)
