"""Find people who occur twice in a file by one sort after the whole file was checked.

While batches are checked, half of a keyed fingerprint of each row is stored, in any order. At the
end one statement finds the duplicate rows, and the batches that hold them are checked again without
them.
"""

from __future__ import annotations

from listmgr.imports.batches import Batch
from listmgr.imports.models import Phase
from listmgr.imports.row_outcomes import (
    REASONS,
    RowOutcome,
)
from listmgr.imports.staging import raw
from listmgr.kit.transaction import Transaction

KEY = 16

_NOTE = f"""
INSERT INTO import_keys (import_id, number, key, stops)
SELECT %s, n, substr(decode(print, 'hex'), 1, {KEY}), wish <> '' FROM import_stage ORDER BY n"""

# Of several rows the first counts; a row that says that the person opted out counts always, and
# then no other.
_FIND = """
INSERT INTO import_doubles (import_id, number, stopped)
SELECT import_id, number, stopped FROM (
  SELECT import_id, number, stops, bool_or(stops) OVER same AS stopped,
    row_number() OVER (same ORDER BY number) AS place
  FROM import_keys WHERE import_id = %(id)s
  WINDOW same AS (PARTITION BY key)) k
WHERE NOT stops AND (stopped OR place > 1)"""
_ROOM = "SET LOCAL work_mem = '64MB'"
_IN_BATCHES = """
SELECT l.number FROM import_lines l WHERE l.import_id = %(id)s
AND EXISTS (SELECT FROM import_doubles d WHERE d.import_id = l.import_id
  AND d.number BETWEEN l.first AND l.first + l.rows - 1)"""
_TAKE = """
DELETE FROM import_doubles WHERE import_id = %(id)s AND number BETWEEN %(first)s AND %(last)s
RETURNING number, stopped"""
_UNDO = (
    f"DELETE FROM import_rows WHERE import_id = %(id)s AND phase = '{Phase.CHECK}'"
    " AND number BETWEEN %(first)s AND %(last)s",
    f"DELETE FROM import_batches WHERE import_id = %(id)s AND phase = '{Phase.CHECK}'"
    " AND number = %(batch)s",
    "DELETE FROM import_lines WHERE import_id = %(id)s AND number = %(batch)s",
)


def note_keys(tx: Transaction, import_id: int) -> None:
    """Store the fingerprints of the staged rows."""
    raw(tx).cursor().execute(_NOTE, (import_id,), prepare=False)


def find_batches(tx: Transaction, import_id: int) -> set[int]:
    """Return the batches that hold duplicate rows and must be checked again.

    Call it only after the whole file was checked; it deletes the stored fingerprints.
    """
    cursor, binds = raw(tx).cursor(), {"id": import_id}
    cursor.execute(_ROOM)
    cursor.execute(_FIND, binds, prepare=False)
    cursor.execute("DELETE FROM import_keys WHERE import_id = %(id)s", binds, prepare=False)
    return {number for (number,) in cursor.execute(_IN_BATCHES, binds, prepare=False).fetchall()}


def take(tx: Transaction, import_id: int, batch: Batch) -> dict[int, tuple[RowOutcome, str]]:
    """Return the duplicate rows of a batch and delete the results of its first check."""
    binds = {
        "id": import_id,
        "batch": batch.number,
        "first": batch.first,
        "last": batch.first + len(batch.rows) - 1,
    }
    cursor = raw(tx).cursor()
    for sql in _UNDO:
        cursor.execute(sql, binds, prepare=False)
    rows = cursor.execute(_TAKE, binds, prepare=False).fetchall()
    verdicts = {n: RowOutcome.STOPPED if stopped else RowOutcome.DUPLICATE for n, stopped in rows}
    return {number: (verdict, REASONS[verdict]) for number, verdict in verdicts.items()}
