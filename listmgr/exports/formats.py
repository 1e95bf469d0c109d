"""Writers of the three kinds of file; each goes on where another process has stopped.

A writer holds nothing but a small state that fits into a row. What it returns are the octets to
add to the file, so memory stays flat however long the file becomes.
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
    """One file being written."""

    def begin(self, columns: Sequence[str]) -> bytes:
        """The first octets, with the names of the columns."""
        ...

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Some rows."""
        ...

    def end(self) -> bytes:
        """The last octets."""
        ...

    def state(self) -> dict[str, Any]:
        """What another writer needs to go on."""
        ...


class CsvWriter:
    """RFC 4180 in UTF-8 with its mark; no cell is taken for a formula (T-19)."""

    def __init__(self, _state: Mapping[str, Any]) -> None:
        """It needs to know nothing."""

    def begin(self, columns: Sequence[str]) -> bytes:
        """The mark by which Excel knows UTF-8, and the names."""
        return ("\ufeff" + csv_text([columns])).encode()

    def rows(self, rows: Sequence[Row]) -> bytes:
        """One line each."""
        return csv_text([_flat(cell) for cell in row] for row in rows).encode()

    def end(self) -> bytes:
        """Nothing more."""
        return b""

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}


class JsonWriter:
    """An array of objects, one a line; values as they are kept, no value as null."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._columns: list[str] = list(state.get("columns", ()))
        self._any: bool = state.get("any", False)

    def begin(self, columns: Sequence[str]) -> bytes:
        """The array opens."""
        self._columns = list(columns)
        return b"["

    def rows(self, rows: Sequence[Row]) -> bytes:
        """One object a line."""
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
        """The array closes."""
        return b"\n]\n"

    def state(self) -> dict[str, Any]:
        """The names, and whether a comma is due."""
        return {"columns": self._columns, "any": self._any}


class SheetWriter(XlsxWriter):
    """A workbook of text cells."""

    def rows(self, rows: Sequence[Row]) -> bytes:
        """Rows with lists as text."""
        return super().rows([[_flat(cell) for cell in row] for row in rows])


def _flat(cell: Cell) -> Cell:
    """Tags as people write them."""
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
    """A writer that begins, or goes on from a state."""
    return _WRITERS[kind](state)
