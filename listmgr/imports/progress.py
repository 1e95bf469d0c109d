"""Progress of an import and the outcomes of its rows, computed from its finished batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.imports.lifecycle import WORKING, ImportStatus
from listmgr.imports.models import Import, ImportBatch, ImportRow, Phase
from listmgr.imports.readers.csv_rows import OF_ENCODING
from listmgr.imports.row_outcomes import (
    ACCEPTED,
    REFUSED,
    TAKEN_IN,
    RowOutcome,
)

SAMPLE = 10
MOST_LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Rows done out of the total (exact or estimated), and how many had each outcome."""

    phase: Phase
    done: int
    total: int
    verdicts: dict[RowOutcome, int]

    @property
    def taken_in(self) -> int:
        """Rows that created a subscriber or a consent."""
        return sum(self.verdicts.get(verdict, 0) for verdict in TAKEN_IN)

    @property
    def refused(self) -> int:
        """Rows that can be downloaded as rejects."""
        return sum(self.verdicts.get(verdict, 0) for verdict in REFUSED)

    @property
    def share(self) -> float:
        """Share done, between 0 and 1; an estimated total never reaches 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


def import_progress(session: Session, record: Import) -> ImportProgress:
    """Return the progress of the run, or of the check if no run has started."""
    looking = record.status in {
        ImportStatus.UPLOADED,
        ImportStatus.CHECKING,
        ImportStatus.CHECKED,
    } or (record.started_at is None)
    phase = Phase.CHECK if looking else Phase.RUN
    done, total = rows(session, record.id, phase), record.rows_total
    if total is None:
        total = max(record.rows_expected, done + 1)
    return ImportProgress(phase, done, total, verdicts(session, record.id, phase))


def stands(session: Session, records: Sequence[Import]) -> list[ImportProgress]:
    """Return the progress of several imports; only running ones are queried one by one."""
    ended = [
        record
        for record in records
        if record.started_at is not None and record.status not in WORKING
    ]
    outcomes = verdicts_of(session, [record.id for record in ended], Phase.RUN)
    return [
        ImportProgress(
            Phase.RUN,
            sum(outcomes[record.id].values()),
            record.rows_total or 0,
            outcomes[record.id],
        )
        if record.id in outcomes
        else import_progress(session, record)
        if record.status in WORKING
        else ImportProgress(Phase.CHECK, 0, record.rows_total or record.rows_expected, {})
        for record in records
    ]


def rows(session: Session, import_id: int, phase: Phase) -> int:
    """Count the rows of a phase that are done."""
    total = sa.select(sa.func.sum(ImportBatch.rows)).where(
        ImportBatch.import_id == import_id, ImportBatch.phase == phase
    )
    return int(session.scalar(total) or 0)


def verdicts(session: Session, import_id: int, phase: Phase) -> dict[RowOutcome, int]:
    """Count the rows of a phase by outcome, in the page's order."""
    return verdicts_of(session, [import_id], phase)[import_id]


def verdicts_of(
    session: Session, import_ids: Sequence[int], phase: Phase
) -> dict[int, dict[RowOutcome, int]]:
    """Count the rows by outcome for several imports in one query."""
    if not import_ids:
        return {}
    pairs = sa.func.jsonb_each_text(ImportBatch.verdicts).table_valued("key", "value")
    counts = (
        sa.select(
            ImportBatch.import_id, pairs.c.key, sa.func.sum(sa.cast(pairs.c.value, sa.BigInteger))
        )
        .join(pairs, sa.true())
        .where(ImportBatch.import_id.in_(import_ids), ImportBatch.phase == phase)
        .group_by(ImportBatch.import_id, pairs.c.key)
    )
    by_import: dict[int, dict[str, int]] = {import_id: {} for import_id in import_ids}
    for import_id, verdict, count in session.execute(counts):
        by_import[import_id][verdict] = int(count)
    return {
        import_id: {verdict: of[verdict.value] for verdict in RowOutcome if of.get(verdict.value)}
        for import_id, of in by_import.items()
    }


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of one outcome."""

    verdict: RowOutcome
    count: int
    rows: Sequence[ImportRow]

    @property
    def accepted(self) -> bool:
        """Whether rows of this outcome are applied."""
        return self.verdict in ACCEPTED


def samples(session: Session, record: Import, standing: ImportProgress) -> list[Sample]:
    """Return the first rows of each outcome; empty once the file was deleted."""
    if record.purged_at is not None:
        return []
    return [
        Sample(verdict, count, _first(session, record.id, standing.phase, verdict))
        for verdict, count in standing.verdicts.items()
    ]


def _first(session: Session, import_id: int, phase: Phase, verdict: RowOutcome) -> list[ImportRow]:
    # Of rows that did something only the look before keeps some to be seen.
    kept = phase if verdict in REFUSED else Phase.CHECK
    return list(
        session.scalars(
            sa.select(ImportRow)
            .where(
                ImportRow.import_id == import_id,
                ImportRow.phase == kept,
                ImportRow.verdict == verdict.value,
            )
            .order_by(ImportRow.number)
            .limit(SAMPLE)
        )
    )


def odd_rows(session: Session, record: Import, standing: ImportProgress) -> list[int]:
    """Return the first rows that were refused because of their encoding."""
    refused = (
        sa.select(ImportRow.number, ImportRow.reason)
        .where(
            ImportRow.import_id == record.id,
            ImportRow.phase == standing.phase,
            ImportRow.verdict == RowOutcome.BAD_ROW.value,
        )
        .order_by(ImportRow.number)
        .limit(MOST_LOOKED_AT)
        .subquery()
    )
    odd = sa.select(refused.c.number).where(refused.c.reason.in_(OF_ENCODING))
    return list(session.scalars(odd.order_by(refused.c.number).limit(SAMPLE + 1)))


def imports(session: Session, *, before: int | None = None, limit: int = 50) -> list[Import]:
    """Return the newest imports, or those below an id."""
    query = sa.select(Import).order_by(Import.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(Import.id < before)))
