"""Cut the rows of a file into batches that are the same each time the file is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from listmgr.imports.plan import Plan
from listmgr.imports.readers.csv_rows import (
    Broken,
    Row,
)
from listmgr.imports.readers.tables import Table
from listmgr.imports.row_outcomes import RowOutcome
from listmgr.imports.row_parser import (
    Refusal,
    RowParser,
)
from listmgr.imports.staging import line
from listmgr.subscribers.field_catalogue import CatalogueField

ROWS = 4_000
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table. `first` is the number of its first row, counted over the whole file."""

    number: int
    first: int
    table: Table
    rows: Sequence[Row]


@dataclass(slots=True)
class ParsedBatch:
    """A batch ready for the database, with refusals and messages by row number."""

    batch: Batch
    lines: dict[int, str] = field(default_factory=dict)
    refused: dict[int, tuple[RowOutcome, str]] = field(default_factory=dict)
    lacking: dict[int, str] = field(default_factory=dict)

    def cells(self, number: int, columns: Sequence[str]) -> list[str]:
        """Return the cells of a row in the order of the file's columns, for display and export."""
        row = self.batch.rows[number - self.batch.first]
        cells = row.cells if isinstance(row, Broken) else row
        by_column = dict(zip(self.batch.table.columns, cells, strict=False))
        shown = [by_column.get(name, "") for name in columns]
        # What is beyond the columns comes back too: it is what was wrong with the row.
        shown += cells[len(self.batch.table.columns) :]
        return [cell.replace("\0", "")[:MOST_SHOWN] for cell in shown]


def batches(tables: Iterator[Table]) -> Iterator[Batch]:
    """Yield the batches of all tables: batches count from 0, rows from 1."""
    number, first = 0, 1
    for table in tables:
        while rows := list(islice(table.rows, ROWS)):
            yield Batch(number, first, table, rows)
            number, first = number + 1, first + len(rows)


class Preparer:
    """Parses the rows of batches by the plan; one instance serves one pass over a file."""

    def __init__(
        self,
        plan: Plan,
        fields: Sequence[CatalogueField],
        *,
        key: bytes,
        now: datetime,
        ip_storage: str,
    ) -> None:
        self._plan, self._fields, self._key = plan, fields, key
        self._now, self._ip_storage = now, ip_storage
        self._judges: dict[str, RowParser] = {}

    def __call__(self, batch: Batch) -> ParsedBatch:
        """Return the batch as the database stages it."""
        prepared, judge, key = ParsedBatch(batch), self._judge(batch.table), self._key
        for number, row in enumerate(batch.rows, start=batch.first):
            parsed = judge(row)
            if isinstance(parsed, Refusal):
                prepared.refused[number] = (parsed.verdict, parsed.reason)
                continue
            prepared.lines[number] = line(number, parsed, key)
            if parsed.lacking:
                prepared.lacking[number] = parsed.lacking
        return prepared

    def _judge(self, table: Table) -> RowParser:
        if table.name not in self._judges:
            self._judges[table.name] = RowParser(
                self._plan,
                self._fields,
                table.columns,
                table=table.name,
                now=self._now,
                ip_storage=self._ip_storage,
            )
        return self._judges[table.name]
