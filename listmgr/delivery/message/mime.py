"""Quoted-printable in pieces that can be concatenated, and the MIME frame of a message.

Every piece begins and ends in column 0 (a soft line break precedes each slot), so no slot shifts
another's wrapping; a dot in column 0 is written `=2E`, so the same bytes serve DATA and BDAT.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache

WIDTH = 75
_SOFT = "=\r\n"
_UNITS = [f"={octet:02X}" for octet in range(256)]
for _octet in (9, *range(32, 127)):
    if _octet != ord("="):
        _UNITS[_octet] = chr(_octet)
# One line that needs no encoding: no dot in column 0, no "=", no tab.
_VERBATIM = re.compile(r"[!-\-/-<>-~][ -<>-~]{0,74}").fullmatch
# What no mail body needs and some readers choke on; tab and line feed stay.
_BODY_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_PART = (
    "Content-Type: text/{subtype}; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)


def body_source(source: str) -> str:
    """Return a body with line feeds only, without control characters, ending in a line feed."""
    text = clean(source)
    return text if text.endswith("\n") else f"{text}\n"


def clean(value: str) -> str:
    """Return a stranger's input without control characters and with line feeds only."""
    if value.isprintable():
        return value
    return _BODY_CONTROLS.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))


def quoted(text: str) -> str:
    """Return the text in quoted-printable (RFC 2045), lines of at most 76, ending in column 0."""
    if not text:
        return ""
    if _VERBATIM(text):
        return text + _SOFT
    *lines, last = text.encode().split(b"\n")
    return "".join([_line(line, hard=True) for line in lines] + [_line(last, hard=False)])


def _line(line: bytes, *, hard: bool) -> str:
    units = [_UNITS[octet] for octet in line]
    if hard and line.endswith((b" ", b"\t")):
        units[-1] = f"={line[-1]:02X}"
    out: list[str] = []
    column = 0
    for unit in units:
        if column + len(unit) > WIDTH:
            out.append(_SOFT)
            column = 0
        written = "=2E" if unit == "." and not column else unit
        out.append(written)
        column += len(written)
    if hard:
        out.append("\r\n")
    elif column:
        out.append(_SOFT)
    return "".join(out)


@cache
def part_head(subtype: str) -> str:
    """Return the header of a text part, with the empty line after it."""
    return _PART.format(subtype=subtype)


def boundary(*contents: str) -> str:
    """Return a boundary no quoted-printable body can contain, since `=_` is not
    quoted-printable.
    """
    digest = hashlib.sha256("\0".join(contents).encode("utf-8", "replace"))
    return f"=_{digest.hexdigest()[:24]}"
