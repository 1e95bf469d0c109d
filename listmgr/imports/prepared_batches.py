"""Batches parsed by the check and kept for the run, so that nothing is parsed twice.

A run takes a batch from here if it can. A batch that is missing, incomplete or parsed under other
settings is read from the file again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from listmgr.config import Settings
from listmgr.imports.apply_batch import (
    ImportTarget,
    act,
    counts,
    judge,
    worth_keeping,
)
from listmgr.imports.batches import ParsedBatch
from listmgr.imports.models import ImportLines, Phase
from listmgr.imports.row_outcomes import (
    BY_FILE,
    BY_ROW,
    REASONS,
    RowOutcome,
)
from listmgr.imports.staging import (
    STAGE,
    fill,
    raw,
)
from listmgr.kit.hmac_sha256 import keyed
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.field_catalogue import CatalogueField


class BatchNotPrepared(Exception):
    """The stored batch is not sufficient; read it from the file."""


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """A stored batch waiting to be applied."""

    number: int


def recipe_of(settings: Settings, fields: Sequence[CatalogueField]) -> bytes:
    """Return a digest of the settings that parsing depends on beside file and plan."""
    settings_read = [(field.key, field.kind, field.choices) for field in fields]
    return keyed(settings.suppression_key)(
        repr((STAGE, settings.ip_storage, settings_read)).encode()
    )


def keep_ready(
    tx: Transaction, import_id: int, recipe: bytes, prepared: ParsedBatch, lines: bytes
) -> None:
    """Store a batch for the run without the rows the file itself rules out."""
    batch = prepared.batch
    raw(tx).cursor().execute(
        "INSERT INTO import_lines (import_id, number, first, rows, recipe, content)"
        " VALUES (%s, %s, %s, %s, %s, %b)",
        (import_id, batch.number, batch.first, len(batch.rows), recipe, lines),
    )


def ready(tx: Transaction, import_id: int, recipe: bytes) -> list[PreparedBatch]:
    """Return the stored batches."""
    query = sa.select(ImportLines.number).where(
        ImportLines.import_id == import_id, ImportLines.recipe == recipe
    )
    return [
        PreparedBatch(number) for number in tx.session.scalars(query.order_by(ImportLines.number))
    ]


def take_ready(
    tx: Transaction, aim: ImportTarget, number: int, *, at: datetime
) -> tuple[int, Counter[str]]:
    """Apply a stored batch and delete its lines; return its rows and outcomes. Raises
    BatchNotPrepared.
    """
    values = (
        raw(tx)
        .cursor(binary=True)
        .execute(
            "DELETE FROM import_lines WHERE import_id = %s AND number = %s"
            " RETURNING first, rows, content",
            (aim.import_id, number),
        )
        .fetchone()
    )
    if values is None:
        raise BatchNotPrepared
    first, rows, content = values
    fill(tx, content)
    judge(tx, aim)
    act(tx, aim, at=at)
    verdicts = Counter(counts(tx))
    verdicts.update(_keep_settled(tx, aim.import_id, first, first + rows - 1))
    _keep_refused(tx, aim.import_id)
    return rows, verdicts


_SETTLED = f"""
INSERT INTO import_rows (import_id, phase, number, verdict, reason, cells)
SELECT import_id, '{Phase.RUN}', number, verdict, reason, cells FROM import_rows
WHERE import_id = %s AND phase = '{Phase.CHECK}' AND number BETWEEN %s AND %s
  AND verdict = ANY(%s)
RETURNING verdict"""
_REFUSED = f"""
INSERT INTO import_rows (import_id, phase, number, verdict, reason, cells)
SELECT r.import_id, '{Phase.RUN}', r.number, t.verdict, t.reason, r.cells
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS t (number, verdict, reason)
CROSS JOIN LATERAL (SELECT * FROM import_rows r
  WHERE r.import_id = %s AND r.phase = '{Phase.CHECK}' AND r.number = t.number OFFSET 0) r"""


def _keep_settled(tx: Transaction, import_id: int, first: int, last: int) -> Counter[str]:
    """Refuse again the rows the check refused without asking the database."""
    settled = [outcome.value for outcome in BY_FILE | BY_ROW]
    cursor = raw(tx).cursor().execute(_SETTLED, (import_id, first, last, settled), prepare=False)
    return Counter(verdict for (verdict,) in cursor.fetchall())


def _keep_refused(tx: Transaction, import_id: int) -> None:
    """Store the rows the database refuses; cells of rows it refuses only now come from the file."""
    refused = worth_keeping(tx, shown=0)
    if not refused:
        return
    numbers, verdicts = zip(*refused, strict=True)
    reasons = [REASONS[RowOutcome(verdict)] for verdict in verdicts]
    values = (list(numbers), list(verdicts), reasons, import_id)
    if raw(tx).cursor().execute(_REFUSED, values, prepare=False).rowcount < len(refused):
        raise BatchNotPrepared
