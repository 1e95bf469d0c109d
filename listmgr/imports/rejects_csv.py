"""The rejected rows as a CSV file with the same columns and the reason in front."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import sqlalchemy as sa

from listmgr.imports.models import Import, ImportRow, Phase
from listmgr.imports.row_outcomes import REFUSED
from listmgr.kit.safe_csv import csv_lines
from listmgr.kit.transaction import Transaction

PAGE = 2000
Say = Callable[[str], str]


def refused_csv(
    uow: Callable[[], AbstractContextManager[Transaction]],
    record: Import,
    phase: Phase,
    *,
    head: tuple[str, str, str],
    name: Say,
    say: Say,
) -> Iterator[str]:
    """Yield the file line by line, safe against formulas (T-19). `name` and `say` translate
    outcomes and reasons.
    """

    def rows() -> Iterator[list[str]]:
        yield [*head, *record.columns]
        after = 0
        while page := _page(uow, record.id, phase, after):
            for row in page:
                yield [str(row.number), name(row.verdict), say(row.reason), *row.cells]
            after = page[-1].number

    return csv_lines(rows())


def _page(
    uow: Callable[[], AbstractContextManager[Transaction]], import_id: int, phase: Phase, after: int
) -> list[ImportRow]:
    with uow() as tx:
        return list(
            tx.session.scalars(
                sa.select(ImportRow)
                .where(
                    ImportRow.import_id == import_id,
                    ImportRow.phase == phase,
                    ImportRow.number > after,
                    ImportRow.verdict.in_(REFUSED),
                )
                .order_by(ImportRow.number)
                .limit(PAGE)
            )
        )
