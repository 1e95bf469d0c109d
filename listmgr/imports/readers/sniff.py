"""Guess how a file of rows is written: encoding, delimiter and header."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence

# As much of the beginning as is looked at.
SAMPLE = 1 << 16
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATOR = re.compile(r'"?sep=(.?)"?', re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def encoding(sample: bytes) -> str:
    """Detect the encoding by its BOM, by the NULs of UTF-16, or as valid UTF-8; else
    Windows-1252.
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    low, high = sample[0::2].count(0), sample[1::2].count(0)
    if max(low, high) > len(sample) // 5:
        return "utf-16-be" if low > high else "utf-16-le"
    return "utf-8-sig" if _is_utf8(sample) else "cp1252"


def _is_utf8(sample: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        # Not final: the sample may end within a character.
        decoder.decode(sample)
    except UnicodeDecodeError:
        # Bad places in a text that is UTF-8 elsewhere: a mixed file, whose bad rows are refused.
        # In Windows-1252 hardly two letters stand together as UTF-8 would have them.
        text = sample.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        return sum(ord(char) > 127 for char in text) - broken > broken
    return True


def delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that cuts the lines into the most equal number of cells, outside
    quotes.
    """
    return max(DELIMITERS, key=lambda mark: _fit(lines, mark))


def named_delimiter(first: str) -> str | None:
    """Return the delimiter named by Excel's first line (`sep=;`), or None."""
    named = _SEPARATOR.fullmatch(first.strip("\r\n"))
    return named[1] if named and named[1] in DELIMITERS else None


def names_delimiter(cells: Sequence[str]) -> bool:
    """Whether a row is Excel's line about the delimiter, however the file is cut into cells."""
    return bool(cells) and _SEPARATOR.match(cells[0]) is not None and not any(cells[1:])


def _fit(lines: Sequence[str], mark: str) -> tuple[float, int]:
    widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
    if not widths:
        return 0.0, 0
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    if usual == 1:
        return 0.0, 1
    return widths.count(usual) / len(widths), usual


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns, that is, contains no address."""
    return bool(rows) and not any(_ADDRESS.search(cell) for cell in rows[0])


def labels(first: Sequence[str], *, header: bool, width: int) -> tuple[str, ...]:
    """Return a unique name for each column: the file's own, or "Column 3"."""
    names: list[str] = []
    for at in range(max(width, len(first) if header else 0)):
        label = first[at].strip() if header and at < len(first) else ""
        name, again = label or f"Column {at + 1}", 2
        while name in names:
            name, again = f"{label or 'Column'} ({again})", again + 1
        names.append(name)
    return tuple(names)
