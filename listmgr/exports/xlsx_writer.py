"""Write an Excel workbook as a stream (ECMA-376 in ZIP), resumable between any two rows.

A sheet is one deflate stream of pieces that end at a byte (full flush), so any process can append
the next piece: it needs only checksum and lengths of what precedes. Cells are inline strings and
never formulas; text that Excel would turn into a formula when edited gets Excel's quote prefix,
which is not part of the value (T-19).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from listmgr.kit.safe_csv import is_formula

# Excel's own limit of a sheet; and one that keeps every length within 32 bits.
SHEET_ROWS = 1_048_576
SHEET_OCTETS = 2 * 1024**3
_LEVEL = 3
_TEXT, _QUOTED = 0, 1
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OPEN = f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'
_CLOSE = "</sheetData></worksheet>"
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="2">'
    '<fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="49" applyNumberFormat="1"/>'
    '<xf numFmtId="49" applyNumberFormat="1" quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
# 1 January 1980, the first day ZIP knows: a file tells nothing of when a row was written.
_DOS_TIME, _DOS_DATE = 0, 0x21


class XlsxWriter:
    """One workbook. A new sheet starts when one is full."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._columns: list[str] = list(state.get("columns", ()))
        # What stands in the file already: name, checksum, packed and raw length, offset.
        self._parts: list[list[Any]] = [list(part) for part in state.get("parts", ())]
        self._offset: int = state.get("offset", 0)
        self._rows: int = state.get("rows", 0)

    def state(self) -> dict[str, Any]:
        """Return the state another writer needs to continue."""
        return {
            "columns": self._columns,
            "parts": self._parts,
            "offset": self._offset,
            "rows": self._rows,
        }

    def begin(self, columns: Sequence[str]) -> bytes:
        """Begin the first sheet with the column names."""
        self._columns = list(columns)
        return self._open_sheet()

    def rows(self, rows: Sequence[Sequence[object]]) -> bytes:
        """Write some rows, starting a new sheet when one is full."""
        octets, start = b"", 0
        while start < len(rows):
            if self._rows >= SHEET_ROWS or self._parts[-1][3] >= SHEET_OCTETS:
                octets += self._close_sheet() + self._open_sheet()
            some = rows[start : start + SHEET_ROWS - self._rows]
            octets += self._add("".join(map(_row, some)))
            self._rows += len(some)
            start += len(some)
        return octets

    def end(self) -> bytes:
        """Return the rest of the workbook and the archive's directory."""
        sheets = len(self._parts)
        octets = self._close_sheet()
        for name, text in _frame(sheets).items():
            octets += self._open(name) + self._add(text) + self._close()
        return octets + self._directory()

    def _open_sheet(self) -> bytes:
        self._rows = 1
        name = f"xl/worksheets/sheet{len(self._parts) + 1}.xml"
        return self._open(name) + self._add(_OPEN + _row(self._columns))

    def _close_sheet(self) -> bytes:
        return self._add(_CLOSE) + self._close()

    def _open(self, name: str) -> bytes:
        # Lengths and checksum follow the data (bit 3), the name is UTF-8 (bit 11).
        head = struct.pack(
            "<4s5H3I2H", b"PK\3\4", 20, 0x808, 8, _DOS_TIME, _DOS_DATE, 0, 0, 0, len(name), 0
        )
        self._parts.append([name, 0, 0, 0, self._offset])
        return self._count(head + name.encode())

    def _add(self, text: str) -> bytes:
        part, raw = self._parts[-1], text.encode()
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
        packed = packer.compress(raw) + packer.flush(zlib.Z_FULL_FLUSH)
        part[1] = zlib.crc32(raw, part[1])
        part[2] += len(packed)
        part[3] += len(raw)
        return self._count(packed)

    def _close(self) -> bytes:
        part = self._parts[-1]
        # An empty last block ends the deflate stream.
        part[2] += 2
        return self._count(b"\3\0" + struct.pack("<4s3I", b"PK\7\x08", *part[1:4]))

    def _count(self, octets: bytes) -> bytes:
        self._offset += len(octets)
        return octets

    def _directory(self) -> bytes:
        entries = b"".join(
            struct.pack(
                "<4s6H3I5H2I",
                b"PK\1\2", 20, 20, 0x808, 8, _DOS_TIME, _DOS_DATE, crc, packed, raw,
                len(name), 0, 0, 0, 0, 0, offset,
            )
            + name.encode()
            for name, crc, packed, raw, offset in self._parts
        )  # fmt: skip
        count = len(self._parts)
        end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(entries), self._offset, 0)
        return entries + end


def _row(cells: Sequence[object]) -> str:
    return f"<row>{''.join(map(_cell, cells))}</row>"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if not text:
        return "<c/>"
    style = _QUOTED if is_formula(text) else _TEXT
    # What XML cannot carry at all becomes the mark of a lost character.
    shown = escape(_NOT_XML.sub("\ufffd", text)).replace("\r", "&#13;")
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'


def _frame(sheets: int) -> dict[str, str]:
    """Return the workbook's other parts by name."""
    numbers = range(1, sheets + 1)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>'
        for n in numbers
    )
    listed = "".join(f'<sheet name="{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_REL}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    return {
        "xl/styles.xml": _STYLES,
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{listed}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'{related}<Relationship Id="rId{sheets + 1}" Type="{_REL}/styles" Target="styles.xml"/>'
        "</Relationships>",
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship'
        f' Id="rId1" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default'
        ' Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>{overrides}</Types>',
    }
