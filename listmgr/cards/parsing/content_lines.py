"""The lines of a vCard as properties: unfolded, soft breaks joined, parameters apart."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from listmgr.cards.parsing.charset import (
    CARRIER,
    decoded,
    is_text_charset,
    repaired,
)
from listmgr.cards.parsing.limits import (
    MAX_HEAD,
    MAX_LINE,
    MAX_PARAMETERS,
)

# One character after the other, so that an unclosed quote costs no more than its length.
_QUOTED_HEAD = re.compile(r'((?:[^":]|"[^"]*")*):')
_PARAMETER = re.compile(r'((?:[^";]|"[^"]*")*)(?:;|\Z)')
_EDGE = re.compile(r"\s*(?:BEGIN|END)\s*:\s*VCARD\s*\Z", re.IGNORECASE)
_CARETS = re.compile(r"\^([n'^])")
_CARET = {"n": "\n", "'": '"', "^": "^"}


class _Head(NamedTuple):
    name: str
    types: frozenset[str]
    params: Mapping[str, str]
    group: str


@dataclass(slots=True)
class Property:
    """One property as it stood in the file; `value` is decoded, but still escaped."""

    name: str
    value: str
    types: frozenset[str]
    params: Mapping[str, str]
    group: str = ""


def logical_lines(text: str) -> Iterator[str]:
    """Lines unfolded; none grows past MAX_LINE and one character, by which too long ones show."""
    parts: list[str] = []
    size, soft = 0, False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        indented = line[:1] in (" ", "\t")
        if parts and (soft or indented) and not _EDGE.match(line):
            if soft:
                parts[-1] = parts[-1][:-1]
            # Some writers indent what follows a soft break, some do not.
            more = line[1:] if indented else line
        else:
            yield "".join(parts)
            parts, size, more = [], 0, line
        if size <= MAX_LINE:
            parts.append(more[: MAX_LINE + 1 - size])
            size += len(more)
        soft = more.endswith("=") and size <= MAX_LINE and _is_quoted(parts[0])
    yield "".join(parts)


def property_of(line: str, *, carried: bool) -> Property | None:
    """The property a logical line states; None when it is none."""
    written, value = _parted(line)
    head = _head(written)
    if head is None:
        return None
    if carried or "ENCODING" in head.params or "CHARSET" in head.params:
        value = _read(value, head.params, carried=carried)
    return Property(head.name, repaired(value), head.types, head.params, head.group)


@lru_cache(maxsize=1024)
def _head(written: str) -> _Head | None:
    """What stands before the colon; an address book says the same few things again and again."""
    pieces = _pieces(written)
    if not pieces or len(pieces) > MAX_PARAMETERS:
        return None
    group, _, name = pieces[0].strip().upper().rpartition(".")
    params, types = _parameters(pieces[1:])
    return _Head(name, types, params, group)


def _parted(line: str) -> tuple[str, str]:
    """What stands before the colon, and after it."""
    head, colon, value = line.partition(":")
    if '"' in head and (quoted := _QUOTED_HEAD.match(line[:MAX_HEAD])):
        head, value = quoted[1], line[quoted.end() :]
    return (head, value) if colon and len(head) <= MAX_HEAD else ("", "")


def _pieces(head: str) -> list[str]:
    if '"' not in head:
        return head.split(";") if head else []
    return [piece for piece in _PARAMETER.findall(head) if piece]


def _parameters(pieces: list[str]) -> tuple[dict[str, str], frozenset[str]]:
    """Named parameters; types, which old cards write without saying that they are types."""
    params: dict[str, str] = {}
    types: set[str] = set()
    for piece in pieces:
        key, equals, value = piece.partition("=")
        key, value = key.strip().upper(), value.strip().replace('"', "")
        if not equals:
            key, value = _bare(key)
        if key == "TYPE":
            types.update(kind.strip().lower() for kind in value.split(","))
        else:
            params[key] = (
                _CARETS.sub(lambda match: _CARET[match[1]], value) if "^" in value else value
            )
    return params, frozenset(types - {""})


def _bare(word: str) -> tuple[str, str]:
    """A parameter without its name, as vCard 2.1 has them: TEL;WORK;VOICE."""
    if word in ("QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT"):
        return "ENCODING", word
    return "TYPE", word


def _is_quoted(line: str) -> bool:
    head = line.partition(":")[0].upper()
    return "QUOTED-PRINTABLE" in head or "ENCODING=Q" in head


def _read(value: str, params: Mapping[str, str], *, carried: bool) -> str:
    """The value in its characters, whatever the file says or does not say of its charset."""
    charset = params.get("CHARSET", "").strip()
    if not is_text_charset(charset):
        charset = ""
    if params.get("ENCODING", "").upper().startswith("Q"):
        octets = value.encode(CARRIER if carried else "utf-8", "replace")
        return decoded(quopri.decodestring(octets), charset)
    # Seven bits that need their charset, even where the file is good UTF-8.
    if carried or charset.lower().startswith("iso-2022"):
        return decoded(value.encode(CARRIER, "replace"), charset)
    return value
