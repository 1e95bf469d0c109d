"""Read rows of delimited text one by one, each whole or with the reason it is broken."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from listmgr.imports.readers.lines import (
    MAX_LINE,
    MISREAD,
    UNREADABLE,
    Pack,
    TooLong,
    decoded,
    packs,
)
from listmgr.kit.i18n import N_

# A cell may run over lines; a quote that is never closed must not eat the file.
MOST_LINES = 200
csv.field_size_limit(MAX_LINE)

TOO_LONG = N_("The line is too long to be a row of one person.")
UNCLOSED = N_("A quotation mark is opened in this row and not closed.")
UNREADABLE_TEXT = N_("The row holds characters that cannot be read in the file's encoding.")
OTHER_TEXT = N_(
    "The file is read as Windows-1252, but this row is UTF-8: its letters would be wrong."
)
# What is wrong with a row when the file, or a part of it, is written in another encoding.
OF_ENCODING = (UNREADABLE_TEXT, OTHER_TEXT)
ZERO = N_("The row holds a NUL character.")


@dataclass(frozen=True, slots=True)
class Shape:
    """How a text is written. `header`: the first row names the columns."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    header: bool = True


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be read: its readable part and the reason."""

    cells: list[str]
    why: str


Row = list[str] | Broken


class _BrokenRecord(Exception):
    """The record has no valid end."""


class _RecordLines:
    """The lines a record has consumed so far, so that a broken record can be undone."""

    def __init__(self, source: Iterator[Pack], *, misread: bool) -> None:
        self._source = source
        self.misread = misread
        self._waiting: list[str] = []
        self._length = 0
        self.record: list[str] = []
        self.plain = True

    def fill(self) -> bool:
        """Whether lines are left; call it between two records."""
        while not self._waiting:
            pack = next(self._source, None)
            if pack is None:
                return False
            self._waiting, self.plain = pack.lines[::-1], pack.plain
        return True

    def all(self) -> list[str]:
        """Return every remaining line."""
        waiting, self._waiting = self._waiting[::-1], []
        return waiting

    def __iter__(self) -> _RecordLines:
        return self

    def __next__(self) -> str:
        if not self.fill():
            raise StopIteration
        line = self._waiting.pop()
        self.record.append(line)
        self._length += len(line)
        if type(line) is TooLong or len(self.record) > MOST_LINES or self._length > MAX_LINE:
            raise _BrokenRecord
        return line

    def begin(self) -> None:
        """Begin a new record."""
        self.record.clear()
        self._length = 0

    def give_back(self) -> str:
        """Keep the first line of the record and return the others to the input."""
        first, *others = self.record
        self._waiting.extend(reversed(others))
        self.plain = False
        return first


def text_rows(file: IO[bytes], shape: Shape) -> Iterator[Row]:
    """Yield every row except empty ones and the header. Any file yields rows; none raises."""
    misread = shape.encoding == "cp1252"
    source = packs(decoded(file, shape.encoding), misread=misread)
    records = _records(_RecordLines(source, misread=misread), shape.delimiter)
    if shape.header:
        next(records, None)
    return records


def _records(taken: _RecordLines, mark: str) -> Iterator[Row]:
    while taken.fill():
        if taken.plain:
            yield from filter(any, csv.reader(taken.all(), delimiter=mark))
        else:
            yield from filter(None, _careful(taken, mark))


def _careful(taken: _RecordLines, mark: str) -> Iterator[Row | None]:
    """Yield the records of a pack that contains quotes; None for an empty line."""
    reader = csv.reader(taken, delimiter=mark)
    while not taken.plain and taken.fill():
        taken.begin()
        try:
            cells = next(reader)
        except (_BrokenRecord, csv.Error):
            cells = None
        if cells is None or (len(taken.record) > 1 and _is_open(taken.record)):
            reader = csv.reader(taken, delimiter=mark)
            yield _broken(taken.give_back(), mark)
        else:
            yield _whole(cells, misread=taken.misread) if any(cells) else None


def _is_open(record: list[str]) -> bool:
    """Whether the last record ended with the file while its quote was still open."""
    return sum(line.count('"') for line in record) % 2 == 1


def _whole(cells: list[str], *, misread: bool) -> Row:
    text = "".join(cells)
    if "\0" in text:
        return Broken([cell.replace("\0", "") for cell in cells], ZERO)
    if UNREADABLE in text:
        return Broken(cells, UNREADABLE_TEXT)
    return Broken(cells, OTHER_TEXT) if misread and MISREAD.search(text) else cells


def _broken(line: str, mark: str) -> Broken:
    """Return the readable part of a row that has no end."""
    shown = line[:2000].rstrip("\n").replace('"', "").replace("\0", "")
    why = TOO_LONG if type(line) is TooLong else UNCLOSED
    return Broken([cell[:200] for cell in shown.split(mark)[:100]], why)
