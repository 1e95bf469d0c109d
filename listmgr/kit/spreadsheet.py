"""Rows as CSV that no spreadsheet program takes for formulas (OWASP, T-19)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

_BEGINS_A_FORMULA = tuple("=+-@\t\r\n\0")


def safe(value: object) -> str:
    """A value as text; an apostrophe before what would be a formula. `unsafe` undoes it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith((*_BEGINS_A_FORMULA, "'")) else text


def unsafe(text: str) -> str:
    """What `safe` was given: for files of ours that come back."""
    return text[1:] if text.startswith("'") and text[1:2] in (*_BEGINS_A_FORMULA, "'") else text


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """One line after the other, with the mark by which Excel knows UTF-8 before the first."""
    yield "\ufeff"
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([safe(value) for value in row])
        yield line.getvalue()
