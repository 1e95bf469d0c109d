"""Open a file of people as tables: detect its kind, read its columns and rows."""

from __future__ import annotations

import enum
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO

from listmgr.imports.readers import (
    sniff,
    zip_archive,
)
from listmgr.imports.readers.csv_rows import (
    OF_ENCODING,
    Broken,
    Row,
    Shape,
    text_rows,
)
from listmgr.imports.readers.lines import decoded
from listmgr.imports.readers.xlsx_rows import sheet_rows
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_

SAMPLE_ROWS = 100


class TableKind(enum.StrEnum):
    """Kind of the file, detected by its content and never by its name."""

    TEXT = "text"
    WORKBOOK = "workbook"
    ZIP = "zip"


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is read. The shape applies to texts, alone or in an archive."""

    kind: TableKind
    shape: Shape


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name (the archive member), its columns, and its rows without the header."""

    name: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


@dataclass(frozen=True, slots=True)
class FileInspection:
    """Result of reading the beginning of a file: columns over all tables and some rows."""

    form: Form
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    tables: tuple[str, ...]
    # How many rows there may be, by the length of the first ones; for a progress bar only.
    expected: int
    # Which rows of the first table are written in another encoding than the file is read in.
    odd: tuple[int, ...] = ()


def inspect_file(
    file: IO[bytes], size: int, form: Form | None = None, *, most: int = zip_archive.MOST_UNPACKED
) -> FileInspection:
    """Read the beginning of a file. Raises InvalidInput if it is no table.

    `form` overrides the guesses; at most `most` bytes are unpacked from an archive.
    """
    form = form or _guess(file, most)
    columns: dict[str, None] = {}
    rows: list[dict[str, str]] = []
    names, odd = [], []
    for table in tables(file, form):
        names.append(table.name)
        columns |= dict.fromkeys(table.columns)
        some = list(islice(table.rows, SAMPLE_ROWS))
        rows += [
            dict(zip(table.columns, row, strict=False))
            for row in some
            if not isinstance(row, Broken)
        ]
        if len(names) == 1:
            odd = [at for at, row in enumerate(some, 1) if is_odd(row)]
    if not columns:
        raise InvalidInput(N_("The file is empty. Please choose another one."))
    mean = sum(sum(map(len, row.values())) + len(row) for row in rows) / max(1, len(rows))
    factor = 1 if form.kind is TableKind.TEXT else 4
    expected = int(factor * size / max(1.0, mean))
    return FileInspection(form, tuple(columns), tuple(rows), tuple(names), expected, tuple(odd))


def is_odd(row: Row) -> bool:
    """Whether a row is written in another encoding than the file is read in."""
    return isinstance(row, Broken) and row.why in OF_ENCODING


def tables(file: IO[bytes], form: Form) -> Iterator[Table]:
    """Yield the tables of a file; read the rows of one before asking for the next."""
    file.seek(0)
    if form.kind is TableKind.TEXT:
        yield _text_table("", file, form.shape)
    elif form.kind is TableKind.WORKBOOK:
        zip_archive.open_archive(file)
        yield _table("", sheet_rows(file, header=False), header=form.shape.header)
    else:
        archive = zip_archive.open_archive(file)
        for name in zip_archive.texts(archive):
            with archive.open(name) as member:
                yield _text_table(name, member, form.shape)


def _text_table(name: str, file: IO[bytes], shape: Shape) -> Table:
    whole = Shape(shape.encoding, shape.delimiter, header=False)
    return _table(name, text_rows(file, whole), header=shape.header)


def _table(name: str, rows: Iterator[Row], *, header: bool) -> Table:
    first = next(rows, None)
    if isinstance(first, list) and sniff.names_delimiter(first):
        first = next(rows, None)
    if first is None:
        return Table(name, (), iter(()))
    cells = first.cells if isinstance(first, Broken) else first
    columns = sniff.labels(cells, header=header, width=len(cells))
    return Table(name, columns, rows if header else _before(first, rows))


def _before(first: Row, rows: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rows


def _guess(file: IO[bytes], most: int) -> Form:
    file.seek(0)
    sample = file.read(sniff.SAMPLE)
    if not sample.strip(b"\0 \t\r\n"):
        raise InvalidInput(N_("The file is empty. Please choose another one."))
    if sample.startswith(zip_archive.MAGIC):
        return _packed(file, most)
    if _is_binary(sample):
        raise InvalidInput(
            N_(
                "This is no table. CSV, TSV, XLSX and ZIP files with CSV in them can be read;"
                " save an old XLS file as XLSX first."
            )
        )
    return Form(TableKind.TEXT, _shape(sample))


def _packed(file: IO[bytes], most: int) -> Form:
    archive = zip_archive.open_archive(file, most)
    if zip_archive.is_workbook(archive):
        first = list(islice(sheet_rows(file, header=False), 5))
        cells = [row for row in first if not isinstance(row, Broken)]
        return Form(TableKind.WORKBOOK, Shape(header=sniff.has_header(cells)))
    try:
        with archive.open(zip_archive.texts(archive)[0]) as member:
            return Form(TableKind.ZIP, _shape(member.read(sniff.SAMPLE)))
    except zip_archive.DAMAGED:
        raise InvalidInput(zip_archive.IS_DAMAGED) from None


def _is_binary(sample: bytes) -> bool:
    """Whether a file has more control characters than text has: pictures, PDF, old Excel files."""
    if sample[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return False
    text = sample.decode(sniff.encoding(sample), "replace")
    odd = sum(char < " " and char not in "\t\r\n\x0c\x1a\0" for char in text)
    return odd > max(4, len(text) // 100) or sample.startswith((b"%PDF", b"\xd0\xcf\x11\xe0"))


def _shape(sample: bytes) -> Shape:
    encoding = sniff.encoding(sample)
    text = "".join(decoded(io.BytesIO(sample), encoding))
    lines = [item for item in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if item]
    # The last line may be cut in the middle.
    some = [item[:10_000] + "\n" for item in (lines[:-1] or lines)[:200]]
    mark = sniff.named_delimiter("".join(some[:1]))
    if mark:
        some = some[1:]
    mark = mark or sniff.delimiter(some)
    shape = Shape(encoding, mark, header=False)
    first = list(islice(text_rows(io.BytesIO(sample), shape), 5))
    cells = [item for item in first if not isinstance(item, Broken)]
    if cells and sniff.names_delimiter(cells[0]):
        cells = cells[1:]
    return Shape(encoding, mark, header=sniff.has_header(cells))
