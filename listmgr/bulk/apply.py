"""Change the columns of one chunk of people in one statement, and undo it."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.bulk.actions import (
    BulkKind,
    Change,
    change_of,
    verdict_of,
)
from listmgr.bulk.models import BulkAct


def binds_of(act: BulkAct) -> dict[str, Any]:
    """Return the bind values the SQL of a kind may use."""
    return {
        "value": act.value,
        "tags": act.tags,
        "field": act.field,
        "purpose": act.purpose_id,
        "at": act.started_at,
    }


def count_verdicts(session: Session, act: BulkAct, ids: list[int]) -> dict[str, int]:
    """Count the outcomes for people; 'gone' are those who no longer exist."""
    counted = session.execute(
        sa.text(
            f"SELECT {verdict_of(act.kind, act.field)}, count(*) FROM subscribers s"
            " WHERE s.id = ANY(:ids) GROUP BY 1"
        ),
        {"ids": ids, **binds_of(act)},
    )
    counts = {str(verdict): int(count) for verdict, count in counted}
    gone = len(ids) - sum(counts.values())
    return counts | ({"gone": gone} if gone else {})


@cache
def _forth(kind: BulkKind, field: str) -> sa.TextClause:
    change = _change(kind, field)
    return sa.text(
        # Locked in the order of their ids: two acts at the same people wait and never cross.
        f"WITH old AS MATERIALIZED (SELECT s.id, {verdict_of(kind, field)} AS verdict,"
        f"  {change.before} AS before FROM subscribers s WHERE s.id = ANY(:ids)"
        "  ORDER BY s.id FOR UPDATE),"
        f" done AS (UPDATE subscribers s SET {change.write} FROM old"
        "  WHERE s.id = old.id AND old.verdict = 'change'),"
        " kept AS (INSERT INTO bulk_undo_values (act_id, n, lo, hi, before)"
        "  SELECT :act, :n, min(id), max(id), jsonb_object_agg(id, before) FROM old"
        "  WHERE verdict = 'change'"
        "  HAVING count(*) > 0)"
        " SELECT verdict, count(*) FROM old GROUP BY 1"
    )


@cache
def _back(kind: BulkKind, field: str) -> sa.TextClause:
    change = _change(kind, field)
    # A restriction is lifted by undoing it; everything else leaves the restricted alone.
    free = "true" if kind is BulkKind.RESTRICT else "s.restricted_at IS NULL"
    return sa.text(
        "WITH b AS MATERIALIZED (SELECT CAST(key AS bigint) AS id, value AS before"
        "  FROM bulk_undo_values, jsonb_each(before) WHERE act_id = :act AND n = :n),"
        " now AS MATERIALIZED (SELECT s.id, b.before, CASE"
        f"  WHEN NOT ({free}) THEN 'restricted' WHEN {change.untouched} THEN 'undone'"
        "   ELSE 'changed_since' END AS verdict FROM subscribers s JOIN b ON b.id = s.id"
        "  ORDER BY s.id FOR UPDATE OF s),"
        f" done AS (UPDATE subscribers s SET {change.restore} FROM now b"
        "  WHERE s.id = b.id AND b.verdict = 'undone')"
        " SELECT coalesce(now.verdict, 'gone'), count(*) FROM b LEFT JOIN now USING (id) GROUP BY 1"
    )


def _change(kind: BulkKind, field: str) -> Change:
    change = change_of(kind, field)
    assert change is not None
    return change


def change_chunk(session: Session, act: BulkAct, n: int, ids: list[int]) -> dict[str, int]:
    """Change the people of a chunk and store their previous values; return counts by outcome."""
    binds = {"ids": ids, "act": act.id, "n": n, **binds_of(act)}
    # By kind alone custom fields share a statement: the key is bound, never part of the SQL.
    counted = session.execute(_forth(act.kind, act.field), binds)
    counts = {str(verdict): int(count) for verdict, count in counted}
    gone = len(ids) - sum(counts.values())
    return counts | ({"gone": gone} if gone else {})


def undo_chunk(session: Session, act: BulkAct, n: int) -> dict[str, int]:
    """Restore a chunk's previous values except where people changed since; return counts."""
    counted = session.execute(_back(act.kind, act.field), {"act": act.id, "n": n, **binds_of(act)})
    return {str(verdict): int(count) for verdict, count in counted}
