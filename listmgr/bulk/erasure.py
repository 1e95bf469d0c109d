"""Remove erased people from the records of mass updates."""

from __future__ import annotations

import sqlalchemy as sa

from listmgr.kit.transaction import Transaction


def forget_before(tx: Transaction, subscriber_ids: list[int]) -> None:
    """Delete people's undo values."""
    binds = {"ids": subscriber_ids, "keys": [str(number) for number in subscriber_ids]}
    tx.session.execute(
        sa.text(
            "UPDATE bulk_undo_values SET before = before - CAST(:keys AS text[])"
            " WHERE lo <= (SELECT max(i) FROM unnest(CAST(:ids AS bigint[])) i)"
            "  AND hi >= (SELECT min(i) FROM unnest(CAST(:ids AS bigint[])) i)"
            "  AND jsonb_exists_any(before, :keys)"
        ),
        binds,
    )
    tx.session.execute(sa.text("DELETE FROM bulk_undo_values WHERE before = CAST('{}' AS jsonb)"))


def forget_values(tx: Transaction) -> None:
    """Delete the value set for people of whom none is left, since it may describe them alone."""
    tx.session.execute(
        sa.text(
            "UPDATE bulk_acts a SET value = '', undo_until = NULL"
            " WHERE a.undo_until IS NOT NULL AND a.status IN ('finished', 'cancelled', 'undone')"
            "  AND NOT EXISTS (SELECT FROM bulk_undo_values b WHERE b.act_id = a.id)"
        )
    )
