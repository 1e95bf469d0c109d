"""vCard 2.1, 3.0 and 4.0 as phones, Outlook and others write them, many in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from listmgr.cards.parsing.build_card import assemble
from listmgr.cards.parsing.card_property import Entry
from listmgr.cards.parsing.charset import text_of
from listmgr.cards.parsing.content_lines import (
    Property,
    logical_lines,
    property_of,
)
from listmgr.cards.parsing.limits import (
    MAX_LINE,
    MAX_LINES_OF_A_CARD,
)
from listmgr.cards.parsing.parse_result import collected
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParsedCard,
    ParseResult,
)
from listmgr.kit.i18n import N_

NO_END = N_("The card has no end in the file; it was read as far as it went.")
TOO_LONG = N_("A line of the card was too long and was left out.")
NO_PROPERTY = N_("A line of the card could not be understood and was left out.")
TOO_MANY_LINES = N_("The card has too many lines; the last ones were left out.")
A_GROUP = N_("This is a group of people and not a card.")
UNREADABLE = N_("This card could not be read.")

_EDGE = re.compile(r"\s*(BEGIN|END)\s*:\s*VCARD\s*\Z", re.IGNORECASE)
# Large, and never needed: neither decoded nor, where they are links, fetched.
_UNREAD = frozenset({"PHOTO", "LOGO", "KEY", "SOUND", "X-MS-CARDPICTURE", "X-THUMBNAIL"})
_READ = frozenset(
    {"N", "FN", "ORG", "TITLE", "ROLE", "EMAIL", "TEL", "ADR", "LABEL", "URL", "NOTE", "LANG"}
    | {"X-ABLABEL", "VERSION", "KIND", "X-ADDRESSBOOKSERVER-KIND", "AGENT"}
)
_STRUCTURED = frozenset({"N", "ORG", "ADR"})
_COMPONENT = re.compile(r"(?:[^\\;]|\\.|\\\Z)*", re.DOTALL)
_ESCAPED = re.compile(r"\\([nN,;:\\])")


@dataclass(slots=True)
class _Raw:
    """The lines of one card, as they come."""

    properties: list[Property] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lines: int = 0

    def odd(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def parse_vcards(data: bytes) -> ParseResult:
    """Every card of a file; what is broken in one is told there and costs no other."""
    text, carried = text_of(data)
    cards = _split(text, carried=carried)
    return collected(Kind.VCARD, ((place, _card(raw)) for place, raw in enumerate(cards, start=1)))


class _Splitter:
    """Takes a file line by line; a card inside AGENT belongs to the one around it and is left."""

    def __init__(self, *, carried: bool) -> None:
        self._carried = carried
        self._raw: _Raw | None = None
        self._inside_agent = False

    def line(self, line: str) -> _Raw | None:
        """The card that ends with this line, if one does."""
        if edge := _EDGE.match(line):
            return self._begins() if edge[1].upper() == "BEGIN" else self._ends()
        if self._raw and not self._inside_agent:
            self._inside_agent = _take(self._raw, line, carried=self._carried)
        return None

    def rest(self) -> _Raw | None:
        """The card that was still open when the file, or another's beginning, came."""
        if self._raw:
            self._raw.odd(NO_END)
        return self._raw

    def _begins(self) -> _Raw | None:
        if self._raw and not self._inside_agent and _awaits_agent(self._raw):
            self._inside_agent = True
            return None
        unfinished = self.rest()
        self._raw, self._inside_agent = _Raw(), False
        return unfinished

    def _ends(self) -> _Raw | None:
        if self._inside_agent:
            self._inside_agent = False
            return None
        finished, self._raw = self._raw, None
        return finished


def _split(text: str, *, carried: bool) -> Iterator[_Raw]:
    splitter = _Splitter(carried=carried)
    for line in logical_lines(text):
        if finished := splitter.line(line):
            yield finished
    if unfinished := splitter.rest():
        yield unfinished


def _take(raw: _Raw, line: str, *, carried: bool) -> bool:
    """Add a line to its card; whether it opens a card of somebody else's within this one."""
    if not line.strip():
        return False
    raw.lines += 1
    head = line[:200].partition(":")[0].partition(";")[0]
    name = head.rpartition(".")[2].strip().upper()
    if name in _UNREAD:
        raw.properties.append(Property(name, "", frozenset(), {}))
    elif len(line) > MAX_LINE:
        raw.odd(TOO_LONG)
    elif raw.lines > MAX_LINES_OF_A_CARD:
        raw.odd(TOO_MANY_LINES)
    elif ":" not in line:
        _leftover(raw)
    elif name in _READ:
        prop = property_of(line, carried=carried)
        if prop is None:
            raw.odd(NO_PROPERTY)
        else:
            raw.properties.append(prop)
            return name == "AGENT" and prop.value.strip().upper() == "BEGIN:VCARD"
    return False


def _leftover(raw: _Raw) -> None:
    """A line without a colon: the rest of a photo that was not indented, or something lost."""
    if not (raw.properties and raw.properties[-1].name in _UNREAD):
        raw.odd(NO_PROPERTY)


def _awaits_agent(raw: _Raw) -> bool:
    last = raw.properties[-1] if raw.properties else None
    return last is not None and last.name == "AGENT" and not last.value.strip()


def _card(raw: _Raw) -> ParsedCard | str:
    """The card, or why there is none."""
    try:
        kinds = {
            prop.value.strip().lower() for prop in raw.properties if prop.name.endswith("KIND")
        }
        if "group" in kinds:
            return A_GROUP
        old = _is_old(raw.properties)
        return assemble([_entry(prop, old=old) for prop in raw.properties], raw.problems)
    except (ValueError, LookupError, RecursionError):
        # Nothing known leads here; a card that does must not cost the others.
        return UNREADABLE


def _is_old(properties: list[Property]) -> bool:
    """Whether the rules of vCard 2.1 hold; the version may stand anywhere, or nowhere."""
    for prop in properties:
        if prop.name == "VERSION":
            return prop.value.strip().startswith(("2", "1"))
    return any(prop.params.get("ENCODING", "").upper().startswith("Q") for prop in properties)


def _entry(prop: Property, *, old: bool) -> Entry:
    parts = _components(prop.value) if prop.name in _STRUCTURED else [prop.value]
    if "\\" in prop.value:
        parts = [_unescaped(part, old=old) for part in parts]
    return Entry(prop.name, tuple(parts), prop.types, prop.params, prop.group, prop.value)


def _components(value: str) -> list[str]:
    if "\\" not in value:
        return value.split(";")
    parts: list[str] = []
    position = 0
    while position <= len(value):
        match = _COMPONENT.match(value, position)
        parts.append(match[0] if match else "")
        position += len(parts[-1]) + 1
    return parts


def _unescaped(text: str, *, old: bool) -> str:
    if old:
        # A backslash is a letter in vCard 2.1, except before the separator.
        return text.replace("\\;", ";")
    text = _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)
    # Some servers escape what is already escaped.
    return text.replace("\\,", ",").replace("\\;", ";")
