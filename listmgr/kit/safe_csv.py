"""CSV that no spreadsheet program interprets as formulas, and back (OWASP, T-19).

`guard` every outgoing cell and `unguard` every incoming one: any text survives both unchanged, so
that our own files can be imported.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

_BEGINS_A_FORMULA = tuple("=+-@\t\r\n\0")
# An apostrophe is guarded too: without that, nobody could tell ours from one that was there.
_GUARDED = (*_BEGINS_A_FORMULA, "'")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet program would interpret the text as a formula."""
    return text.startswith(_BEGINS_A_FORMULA)


def guard(value: object) -> str:
    """Return a value as text with an apostrophe before a formula; `unguard` removes it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_GUARDED) else text


def unguard(text: str) -> str:
    """Return what `guard` was given, for cells of incoming files."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_GUARDED) else text


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a file that begins with the BOM by which Excel recognizes UTF-8."""
    yield "\ufeff"
    for row in rows:
        yield csv_text([row])


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV with each cell guarded, without BOM."""
    text = io.StringIO()
    csv.writer(text).writerows([guard(value) for value in row] for row in rows)
    return text.getvalue()
