"""Process a prepared batch and mark it as done in the same transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from listmgr.imports import duplicates
from listmgr.imports.apply_batch import (
    ImportTarget,
    act,
    counts,
    judge,
    worth_keeping,
)
from listmgr.imports.batches import ParsedBatch
from listmgr.imports.lifecycle import ImportStatus
from listmgr.imports.models import Import, ImportBatch, ImportRow, Phase
from listmgr.imports.prepared_batches import (
    PreparedBatch,
    keep_ready,
    take_ready,
)
from listmgr.imports.row_outcomes import (
    BY_FILE,
    REASONS,
    REFUSED,
    RowOutcome,
)
from listmgr.imports.staging import (
    fill,
    raw,
)
from listmgr.kit.transaction import Transaction

# So many of each verdict are kept to be looked at; of the refused ones all are.
SHOWN = 10


class ImportStopped(Exception):
    """The import was paused, cancelled, described again or taken over by another worker."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    """One worker's pass over one file."""

    phase: Phase
    aim: ImportTarget
    columns: Sequence[str]
    holder: str
    status: ImportStatus
    # How the look before has read what the run may take as read.
    recipe: bytes
    # A second look at batches, without rows of people who stand in the file twice.
    again: bool = False


def process_batch(
    tx: Transaction, work: BatchJob, prepared: ParsedBatch | PreparedBatch, *, at: datetime
) -> None:
    """Process one batch. Raises ImportStopped if the worker no longer holds the import.

    Raises BatchNotPrepared if a stored batch must be read from the file.
    """
    # Before the rows of the batch, as everybody who deletes them does: no deadlock. Who cancels the
    # import waits for this batch, and no batch comes after.
    check_held(tx, work, until_commit=True)
    # A batch and its mark go together: what a crash of the machine takes back is done again.
    tx.commit_soon()
    if isinstance(prepared, PreparedBatch):
        _mark(tx, work, prepared.number, *take_ready(tx, work.aim, prepared.number, at=at))
    else:
        _do_prepared(tx, work, prepared, at)


def _do_prepared(tx: Transaction, work: BatchJob, prepared: ParsedBatch, at: datetime) -> None:
    outcomes = (
        _run(tx, work, prepared, at) if work.phase is Phase.RUN else _look(tx, work, prepared)
    )
    verdicts = Counter(verdict.value for verdict, _why in outcomes.values())
    verdicts.update(counts(tx))
    _keep(tx, work, prepared, outcomes | _judged(tx, work, prepared))
    _mark(tx, work, prepared.batch.number, len(prepared.batch.rows), verdicts)


def _mark(
    tx: Transaction, work: BatchJob, number: int, rows: int, verdicts: Mapping[str, int]
) -> None:
    tx.session.add(
        ImportBatch(
            import_id=work.aim.import_id,
            phase=work.phase,
            number=number,
            rows=rows,
            verdicts=dict(verdicts),
        )
    )
    tx.session.flush()


def check_held(tx: Transaction, work: BatchJob, *, until_commit: bool = False) -> None:
    """Raise ImportStopped unless this worker still holds the import in the expected state.

    `until_commit` keeps the import locked until the transaction ends.
    """
    query = sa.select(Import.status, Import.holder).where(Import.id == work.aim.import_id)
    if until_commit:
        query = query.with_for_update(read=True, key_share=True)
    row = tx.session.execute(query).one_or_none()
    if row is None or row.status is not work.status or row.holder != work.holder:
        raise ImportStopped


# Rows the file alone decides, or that are to be kept: verdict and sentence by their number.
RowOutcomes = dict[int, tuple[RowOutcome, str]]


def _look(tx: Transaction, work: BatchJob, prepared: ParsedBatch) -> RowOutcomes:
    duplicate_rows = duplicates.take(tx, work.aim.import_id, prepared.batch) if work.again else {}
    lines = _stage(tx, work, prepared, duplicate_rows)
    if not work.again:
        duplicates.note_keys(tx, work.aim.import_id)
    keep_ready(tx, work.aim.import_id, work.recipe, prepared, lines)
    return duplicate_rows | prepared.refused


def _run(tx: Transaction, work: BatchJob, prepared: ParsedBatch, at: datetime) -> RowOutcomes:
    last = prepared.batch.first + len(prepared.batch.rows) - 1
    rows = tx.session.execute(
        sa.select(ImportRow.number, ImportRow.verdict, ImportRow.reason).where(
            ImportRow.import_id == work.aim.import_id,
            ImportRow.phase == Phase.CHECK,
            ImportRow.number.between(prepared.batch.first, last),
            ImportRow.verdict.in_(BY_FILE),
        )
    )
    outcomes = {row.number: (RowOutcome(row.verdict), row.reason) for row in rows}
    _stage(tx, work, prepared, outcomes)
    act(tx, work.aim, at=at)
    return outcomes | prepared.refused


def _stage(
    tx: Transaction, work: BatchJob, prepared: ParsedBatch, without: Container[int]
) -> bytes:
    """Stage and judge all rows except those left out; return their lines."""
    kept_lines = [text for number, text in prepared.lines.items() if number not in without]
    lines = "\n".join([*kept_lines, ""]).encode()
    fill(tx, lines)
    judge(tx, work.aim)
    return lines


def _judged(tx: Transaction, work: BatchJob, prepared: ParsedBatch) -> RowOutcomes:
    """Return the staged rows worth storing, as the database judged them."""
    shown = SHOWN if work.phase is Phase.CHECK else 0
    return {
        number: (
            RowOutcome(verdict),
            REASONS.get(RowOutcome(verdict)) or prepared.lacking.get(number, ""),
        )
        for number, verdict in worth_keeping(tx, shown=shown)
    }


def _keep(tx: Transaction, work: BatchJob, prepared: ParsedBatch, outcomes: RowOutcomes) -> None:
    """Store the refused rows and, during the check, the first rows of each other outcome."""
    left = _still_to_show(tx, work) if work.phase is Phase.CHECK else {}
    kept = []
    for number in sorted(outcomes):
        verdict, reason = outcomes[number]
        if verdict in REFUSED or left.get(verdict, 0) > 0:
            left[verdict] = left.get(verdict, 0) - 1
            kept.append((number, verdict.value, reason, prepared.cells(number, work.columns)))
    if not kept:
        return
    with (
        raw(tx)
        .cursor()
        .copy(
            "COPY import_rows (import_id, phase, number, verdict, reason, cells) FROM STDIN"
        ) as copy
    ):
        for number, verdict_, reason, cells in kept:
            copy.write_row((work.aim.import_id, work.phase.value, number, verdict_, reason, cells))


def _still_to_show(tx: Transaction, work: BatchJob) -> dict[RowOutcome, int]:
    shown = Counter(
        {
            row.verdict: row.count_
            for row in tx.session.execute(
                sa.select(ImportRow.verdict, sa.func.count().label("count_"))
                .where(
                    ImportRow.import_id == work.aim.import_id,
                    ImportRow.phase == Phase.CHECK,
                    ImportRow.verdict.not_in(REFUSED),
                )
                .group_by(ImportRow.verdict)
            )
        }
    )
    return {
        verdict: SHOWN - shown[verdict.value] for verdict in RowOutcome if verdict not in REFUSED
    }
