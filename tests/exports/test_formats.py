"""Files come back as they went out: CSV, Excel and JSON, cut anywhere, formulas disarmed (T-19)."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listmgr.exports import xlsx_writer
from listmgr.exports.formats import writer
from listmgr.exports.models import ExportFormat
from listmgr.kit.safe_csv import (
    guard,
    unguard,
)

COLUMNS = ["email", "last_name", "tags", "id"]
ROWS = [
    ("anna@example.com", "Müller", ["fair", "spring"], 1),
    ("=cmd@x.y", "+491701234", [], 2),
    ("@x.y", "-1", ["=1+1"], 3),
    ('"q"@x.y', 'a "b", c', ["'x"], 4),
    ("l@x.y", "two\nlines & <b>\t😀", [], 5),
    ("n@x.y", None, [], 6),
]
# XML knows no other control characters; the catalogue takes none of them in any case.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


def made(kind: ExportFormat, rows: list[tuple[object, ...]], cuts: int = 1) -> bytes:
    """The file, written by as many processes as there are cuts."""
    state: dict[str, object] = {}
    octets = b""
    for number, start in enumerate(range(0, len(rows), cuts)):
        one = writer(kind, json.loads(json.dumps(state)))
        octets += one.begin(COLUMNS) if number == 0 else b""
        octets += one.rows(rows[start : start + cuts])
        state = one.state()
    return octets + writer(kind, state).end()


def read_csv(octets: bytes) -> list[list[str]]:
    text = octets.decode().removeprefix("\ufeff")
    return [[unguard(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]


def read_xlsx(octets: bytes) -> list[list[str]]:
    book = openpyxl.load_workbook(io.BytesIO(octets), read_only=True)
    return [
        ["" if cell is None else str(cell) for cell in row]
        for sheet in book
        for row in sheet.iter_rows(values_only=True)
    ]


def flat(row: tuple[object, ...]) -> list[str]:
    return [
        "" if cell is None else ", ".join(cell) if isinstance(cell, list) else str(cell)
        for cell in row
    ]


@pytest.mark.parametrize("cuts", [1, 2, 100])
def test_t19_csv_and_excel_come_back_as_they_went_out(cuts):
    expected = [COLUMNS, *map(flat, ROWS)]
    assert read_csv(made(ExportFormat.CSV, ROWS, cuts)) == expected
    assert read_xlsx(made(ExportFormat.XLSX, ROWS, cuts)) == expected


@pytest.mark.parametrize("cuts", [1, 2, 100])
def test_json_keeps_values_as_they_are(cuts):
    told = json.loads(made(ExportFormat.JSON, ROWS, cuts))
    assert told == [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]


def test_t19_no_cell_begins_a_formula():
    text = made(ExportFormat.CSV, ROWS).decode().removeprefix("\ufeff")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\0"))] == []
    book = openpyxl.load_workbook(io.BytesIO(made(ExportFormat.XLSX, ROWS)))
    sheet = book.active
    assert {cell.data_type for row in sheet for cell in row if cell.value} == {"s"}
    quoted = [cell.value for row in sheet for cell in row if cell.quotePrefix]
    assert quoted == ["=cmd@x.y", "+491701234", "@x.y", "-1", "=1+1"]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
@settings(max_examples=60)
def test_t19_any_text_survives_the_round_trip(rows):
    some = [(*row, [], 1) for row in rows]
    expected = [COLUMNS, *map(flat, some)]
    assert read_csv(made(ExportFormat.CSV, some)) == expected
    assert read_xlsx(made(ExportFormat.XLSX, some)) == expected


@given(st.text(max_size=8))
def test_t19_unguard_undoes_guard(text):
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(tuple("=+-@\t\r\n\0"))


def test_a_full_sheet_is_followed_by_another_one(monkeypatch):
    monkeypatch.setattr(xlsx_writer, "SHEET_ROWS", 3)
    octets = made(ExportFormat.XLSX, ROWS, 4)
    book = openpyxl.load_workbook(io.BytesIO(octets))
    assert [sheet.max_row for sheet in book] == [3, 3, 3]
    assert [sheet["A1"].value for sheet in book] == ["email"] * 3
    assert zipfile.ZipFile(io.BytesIO(octets)).testzip() is None


def test_what_xml_cannot_carry_is_marked():
    octets = made(ExportFormat.XLSX, [("a\x01b\ufffe", "", [], 1)])
    assert read_xlsx(octets)[1][0] == "a\ufffdb\ufffd"
