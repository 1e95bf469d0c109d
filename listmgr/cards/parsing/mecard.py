"""The one-line cards of QR codes: MECARD, BIZCARD, MEMORY of Japanese phones, and codes to mail to.

A code to mail to (`mailto:`, MATMSG, SMTP) says an address and no more; what its mail is to say is
the sender's, and not taken.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from listmgr.cards.parsing.build_card import assemble
from listmgr.cards.parsing.card_property import Entry
from listmgr.cards.parsing.limits import (
    MAX_CODE,
    MAX_LINES_OF_A_CARD,
)
from listmgr.cards.parsing.parse_result import collected
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParsedCard,
    ParseResult,
)
from listmgr.kit.i18n import N_

TOO_LONG = N_("This is longer than any code can be.")

_BEGIN = re.compile(
    r"(?:\A|\n)[ \t]*(?=(?:MECARD|BIZCARD|MEMORY|MATMSG|MAILTO|SMTP):)", re.IGNORECASE
)
_FIELD = re.compile(r"((?:[^\\;]|\\.)*)(?:;|\Z)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SAME = {"EMAIL": "EMAIL", "TEL": "TEL", "NOTE": "NOTE", "URL": "URL", "ORG": "ORG"}
_MECARD = _SAME | {"TITLE": "TITLE", "ADR": "LABEL", "N": "N", "TEL-AV": "TEL", "CO": "ORG"}
_BIZCARD = {
    "T": "TITLE",
    "C": "ORG",
    "A": "LABEL",
    "B": "TEL",
    "M": "TEL",
    "F": "TEL",
    "E": "EMAIL",
}
_PHONES = {"B": "work", "M": "cell", "F": "fax"}
_MEMORY_KINDS = {"NAM": "FN", "ADD": "LABEL", "MEM": "NOTE", "MAI": "EMAIL", "TEL": "TEL"}
_MEMORY = re.compile(r"(NAME1|MAIL\d|TEL\d|ADD|MEMORY):(.*)", re.IGNORECASE)


def parse_codes(text: str) -> ParseResult:
    """Every such card in a text, each beginning a line."""
    parts = [part for part in _BEGIN.split(text) if part.strip()]
    reads = ((place, _card(part)) for place, part in enumerate(parts, start=1))
    return collected(_kind(parts), reads)


def _kind(parts: list[str]) -> Kind:
    word = parts[0].partition(":")[0].strip().lower() if parts else ""
    return _KINDS.get(word, Kind.UNKNOWN)


def _card(part: str) -> ParsedCard | str:
    if len(part) > MAX_CODE:
        return TOO_LONG
    word, _, rest = part.partition(":")
    word = word.strip().upper()
    if word == "MEMORY":
        return assemble(_memory(part))
    if word in ("MAILTO", "SMTP"):
        return assemble(_recipients(word, rest))
    fields = [
        (name.strip().upper(), _ESCAPED.sub(r"\1", value.strip()), value)
        for name, colon, value in (field.partition(":") for field in _FIELD.findall(rest))
        if colon
    ][:MAX_LINES_OF_A_CARD]
    return assemble(_READERS[word](fields))


def _mecard(fields: list[tuple[str, str, str]]) -> list[Entry]:
    return [
        _name(value, source) if name == "N" else _entry(_MECARD[name], value)
        for name, value, source in fields
        if name in _MECARD
    ]


def _recipients(word: str, rest: str) -> list[Entry]:
    """The addresses of `mailto:a@b,c@d?subject=` (RFC 6068), or of `SMTP:a@b:subject:text`."""
    if word == "SMTP":
        addresses = [rest.partition(":")[0]]
    else:
        addresses = [unquote(address) for address in rest.partition("?")[0].split(",")]
    return [Entry("EMAIL", (address.strip(),), source=address.strip()) for address in addresses]


def _matmsg(fields: list[tuple[str, str, str]]) -> list[Entry]:
    return [Entry("EMAIL", (value,), source=value) for name, value, _ in fields if name == "TO"]


def _entry(name: str, value: str) -> Entry:
    if name == "LABEL":
        value = "\n".join(part.strip() for part in value.split(","))
    return Entry(name, (value,), source=value)


def _name(value: str, source: str) -> Entry:
    """`Doe,John` has an order; a name without a comma is taken as it is."""
    family, comma, given = re.sub(r"\\,", " ", source).partition(",")
    if not comma:
        return Entry("FN", (value,), source=value)
    return Entry("N", (_ESCAPED.sub(r"\1", family), _ESCAPED.sub(r"\1", given)), source=value)


def _bizcard(fields: list[tuple[str, str, str]]) -> list[Entry]:
    stated = {name: value for name, value, _ in fields}
    given, family = stated.get("N", ""), stated.get("X", "")
    named = Entry("N", (family, given)) if family else Entry("FN", (given,))
    return [named] + [
        Entry(
            _BIZCARD[name],
            (value.replace(",", "\n") if name == "A" else value,),
            frozenset({_PHONES[name]} if name in _PHONES else ()),
            source=value,
        )
        for name, value, _ in fields
        if name in _BIZCARD
    ]


def _memory(part: str) -> list[Entry]:
    matches = (_MEMORY.match(line.strip()) for line in part.splitlines()[:MAX_LINES_OF_A_CARD])
    return [
        Entry(_MEMORY_KINDS[match[1].upper()[:3]], (match[2].strip(),), source=match[2])
        for match in matches
        if match and match[2].strip()
    ]


_READERS = {"MECARD": _mecard, "BIZCARD": _bizcard, "MATMSG": _matmsg}
_KINDS = {
    "mecard": Kind.MECARD,
    "bizcard": Kind.BIZCARD,
    "memory": Kind.MEMORY,
    "matmsg": Kind.MAIL_CODE,
    "mailto": Kind.MAIL_CODE,
    "smtp": Kind.MAIL_CODE,
}
