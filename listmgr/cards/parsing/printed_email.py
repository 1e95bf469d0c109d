"""An e-mail address as it is printed: exact in text, mended where it was read from a picture."""

from __future__ import annotations

import re
from typing import NamedTuple

from listmgr.cards.parsing.email_fields import valid_address
from listmgr.cards.parsing.vocabulary import (
    LABEL,
    words,
)

_AGAINST_ROBOTS = re.compile(r"\s?(?:\(at\)|\[at\]|\{at\})\s?", re.IGNORECASE)
_MISREAD_AT = re.compile(r"\s?(?:\(a\)|(?<=\w)[©®](?=\s?\w))\s?", re.IGNORECASE)
_EXACT = re.compile(r"(?:mailto:)?([\w.+'-]+@[\w-]+(?:\.[\w-]+)+)", re.IGNORECASE)
# Blanks beside the @ and the dots, commas for dots: only where a picture was read.
_LOOSE = re.compile(r"([\w.+-]+)\s?@\s?([\w-]+(?:(?:\s?[.,]\s?|-\s|\s-)[\w-]+){1,4})")
# The blank after the label was not seen; in small letters it may belong to the address.
_GLUED_LABEL = re.compile(r"\A(?:E-?[Mm]ail|Mail|Courriel)[.:]?(?=[\w]{2}|[\w]\.)")
_CUT_OFF = re.compile(r"(?<!\w)([a-z0-9+-]+[._-]|[a-z0-9+-]+(?= \.)) ?\Z")
_ENDINGS = words(
    "com de org net eu fr at ch uk io info biz be lu it es nl dev ai app us ca pl cz dk se no fi me"
    " berlin hamburg koeln bayern wien swiss paris tv co edu gov li pt ie hu ro gr example"
)
_MISREAD_ENDING = {"corn": "com", "c0m": "com", "con": "com", "corm": "com", "0rg": "org"} | {
    "ora": "org", "dee": "de", "do": "de", "d3": "de", "nel": "net", "lr": "fr", "ft": "fr"
}  # fmt: skip


class PrintedEmail(NamedTuple):
    """An address, what stands before and after it, and whether it was printed just so."""

    before: str
    address: str
    after: str
    exact: bool


def find_email(text: str, *, pictured: bool) -> PrintedEmail | None:
    """The first address of a text."""
    text = _AGAINST_ROBOTS.sub("@", text)
    if not pictured:
        exact = _EXACT.search(text)
        return _whole(text, exact, pictured=False) if exact else None
    cleared = _MISREAD_AT.sub("@", text)
    email = _in_a_picture(cleared)
    return email._replace(exact=email.exact and cleared == text) if email else None


def _in_a_picture(text: str) -> PrintedEmail | None:
    exact = _EXACT.search(text)
    if exact and _ends_well(exact[1]):
        return _whole(text, exact, pictured=True)
    if loose := _LOOSE.search(text):
        address, length = _mended(loose[1], loose[2])
        valid = valid_address(address)
        after = text[loose.start(2) + length :]
        return PrintedEmail(text[: loose.start()], valid, after, exact=False) if valid else None
    return _whole(text, exact, pictured=True) if exact else None


def _whole(text: str, exact: re.Match[str], *, pictured: bool) -> PrintedEmail | None:
    """The address with what a blank cut off before it, when a picture was read."""
    before, address = text[: exact.start()], exact[1]
    if pictured:
        address = _GLUED_LABEL.sub("", address)
    cut = _CUT_OFF.search(before) if pictured else None
    sure = True
    if cut and not LABEL.fullmatch(cut[1]):
        before, address, sure = before[: cut.start()], cut[1] + address, False
    valid = valid_address(address.strip(".-'"))
    return PrintedEmail(before, valid, text[exact.end() :], sure) if valid else None


def _ends_well(address: str) -> bool:
    return address.rpartition(".")[2].lower() in _ENDINGS


def _mended(local: str, domain: str) -> tuple[str, int]:
    """The address without blanks and commas, cut at its ending, and how much text that took."""
    name: list[str] = []
    length = 0
    for piece in re.finditer(r"(\s?[.,]\s?|-\s|\s-|)([\w-]+)", domain):
        between = piece[1].strip().replace(",", ".")
        word = piece[2]
        if between == ".":
            word = _MISREAD_ENDING.get(word.lower(), word)
        name.append(between + word)
        length = piece.end()
        if between == "." and word.lower() in _ENDINGS and word.lower() != "co":
            break
    return f"{local.strip('.-')}@{''.join(name)}", length
