"""Read the rows of an Excel workbook: saved values only; formulas and macros never run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO
from xml.etree.ElementTree import ParseError

from listmgr.imports.readers.csv_rows import (
    TOO_LONG,
    ZERO,
    Broken,
    Row,
)
from listmgr.imports.readers.lines import MAX_LINE
from listmgr.imports.readers.zip_archive import DAMAGED
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_

MOST_COLUMNS = 500
_UNREADABLE = (*DAMAGED, ParseError, KeyError, ValueError, TypeError)


def sheet_rows(file: IO[bytes], *, header: bool) -> Iterator[Row]:
    """Yield the non-empty rows of the first sheet. Raises InvalidInput for a damaged file."""
    rows = _values(file)
    if header:
        next(rows, None)
    return rows


def _values(file: IO[bytes]) -> Iterator[Row]:
    # Workbooks are rare and this is 12 MB in each process: whoever sends mail need not hold it.
    from openpyxl import load_workbook  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # What openpyxl does not know (validation, macros, themes) is of no concern here.
            warnings.simplefilter("ignore")
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            for values in sheets[0].iter_rows(values_only=True) if sheets else ():
                cells = [as_text(value) for value in values[:MOST_COLUMNS]]
                if any(cells):
                    yield _row(cells)
    except (*_UNREADABLE, InvalidFileException):
        raise InvalidInput(
            N_("The workbook is damaged from some row on. Open it, save it as CSV, and send that.")
        ) from None


def _row(cells: list[str]) -> Row:
    while cells and not cells[-1]:
        cells.pop()
    if any("\0" in cell for cell in cells):
        return Broken([cell.replace("\0", "") for cell in cells], ZERO)
    if sum(map(len, cells)) > MAX_LINE:
        return Broken([cell[:200] for cell in cells], TOO_LONG)
    return cells


def as_text(value: object) -> str:
    """Return a cell as a CSV file would hold it: ISO 8601 dates, whole numbers without a decimal
    point.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return str(value)
