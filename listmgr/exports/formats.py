"""Writers of the three file formats; each can continue where another process stopped.

A writer holds only a small state that fits into a row and returns the bytes to append, so memory
stays constant for any file size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from listmgr.exports.models import ExportFormat
from listmgr.exports.xlsx_writer import XlsxWriter
from listmgr.kit.safe_csv import csv_text

Cell = object
Row = Sequence[Cell]


class Writer(Protocol):
    """Writer of one file."""

    def begin(self, columns: Sequence[str]) -> bytes:
        """Return the first bytes with the column names."""
        ...

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return the bytes of some rows."""
        ...

    def end(self) -> bytes:
        """Return the last bytes."""
        ...

    def state(self) -> dict[str, Any]:
        """Return the state another writer needs to continue."""
        ...


class CsvWriter:
    """RFC 4180 CSV in UTF-8 with BOM; no cell can act as a formula (T-19)."""

    def __init__(self, _state: Mapping[str, Any]) -> None:
        """CSV needs no state."""

    def begin(self, columns: Sequence[str]) -> bytes:
        """Return the BOM, by which Excel recognizes UTF-8, and the column names."""
        return ("\ufeff" + csv_text([columns])).encode()

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return one line for each row."""
        return csv_text([_flat(cell) for cell in row] for row in rows).encode()

    def end(self) -> bytes:
        """Return nothing; CSV has no end."""
        return b""

    def state(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}


class JsonWriter:
    """A JSON array with one object on each line; values in their stored type, missing ones as
    null.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._columns: list[str] = list(state.get("columns", ()))
        self._any: bool = state.get("any", False)

    def begin(self, columns: Sequence[str]) -> bytes:
        """Open the array."""
        self._columns = list(columns)
        return b"["

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return one object for each row."""
        lines = [
            json.dumps(dict(zip(self._columns, row, strict=True)), ensure_ascii=False)
            for row in rows
        ]
        if not lines:
            return b""
        before = ",\n" if self._any else "\n"
        self._any = True
        return (before + ",\n".join(lines)).encode()

    def end(self) -> bytes:
        """Close the array."""
        return b"\n]\n"

    def state(self) -> dict[str, Any]:
        """Return the column names, and whether a comma is due."""
        return {"columns": self._columns, "any": self._any}


class SheetWriter(XlsxWriter):
    """An Excel workbook of text cells."""

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Return rows with lists as text."""
        return super().rows([[_flat(cell) for cell in row] for row in rows])


def _flat(cell: Cell) -> Cell:
    """Join tags with commas."""
    return ", ".join(map(str, cell)) if isinstance(cell, list) else cell


_WRITERS: Mapping[ExportFormat, type[CsvWriter | JsonWriter | SheetWriter]] = {
    ExportFormat.CSV: CsvWriter,
    ExportFormat.JSON: JsonWriter,
    ExportFormat.XLSX: SheetWriter,
}

MEDIA_TYPES: Mapping[ExportFormat, str] = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.JSON: "application/json",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def writer(kind: ExportFormat, state: Mapping[str, Any]) -> Writer:
    """Return a writer that begins, or continues from a state."""
    return _WRITERS[kind](state)
