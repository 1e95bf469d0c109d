"""Rows as CSV that no spreadsheet program takes for formulas, and back again (OWASP, T-19).

`guard` is for every cell that leaves, `unguard` for every cell that comes in: whatever text went
out through the one comes back through the other unchanged, so a file of ours can be imported.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

_BEGINS_A_FORMULA = tuple("=+-@\t\r\n\0")
# An apostrophe is guarded too: without that, nobody could tell ours from one that was there.
_GUARDED = (*_BEGINS_A_FORMULA, "'")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet program would read the text as something to compute."""
    return text.startswith(_BEGINS_A_FORMULA)


def guard(value: object) -> str:
    """A value as text; an apostrophe before what would be a formula. `unguard` undoes it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_GUARDED) else text


def unguard(text: str) -> str:
    """What `guard` was given: for cells of files that come in, ours among them."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_GUARDED) else text


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """One line after the other, with the mark by which Excel knows UTF-8 before the first."""
    yield "\ufeff"
    for row in rows:
        yield csv_text([row])


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Some rows as CSV, each cell guarded; without the mark."""
    text = io.StringIO()
    csv.writer(text).writerows([guard(value) for value in row] for row in rows)
    return text.getvalue()
