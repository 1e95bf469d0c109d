"""Block addresses by keyed fingerprint; only the person's own confirmation lifts a block."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from listmgr.kit.transaction import Transaction
from listmgr.suppression.models import Suppression, SuppressionReason


def suppress(
    tx: Transaction, fingerprint: bytes, reason: SuppressionReason, *, at: datetime, note: str = ""
) -> None:
    """Block a fingerprint; an existing block stays as it is."""
    suppress_many(tx, [fingerprint], reason, at=at, note=note)


def suppress_many(
    tx: Transaction,
    fingerprints: Sequence[bytes],
    reason: SuppressionReason,
    *,
    at: datetime,
    note: str = "",
) -> None:
    """Block many fingerprints; existing blocks stay as they are."""
    if not fingerprints:
        return
    # In order, so that two who block the same addresses at once wait instead of crossing.
    rows = [
        {"fingerprint": fingerprint, "reason": reason, "created_at": at, "note": note}
        for fingerprint in sorted(set(fingerprints))
    ]
    tx.session.execute(
        insert(Suppression).on_conflict_do_nothing(
            index_elements=["fingerprint"], index_where=sa.text("lifted_at IS NULL")
        ),
        rows,
    )
    tx.journaled = True


def is_suppressed(tx: Transaction, fingerprint: bytes) -> bool:
    """Whether an open block exists."""
    query = sa.select(Suppression.id).where(
        Suppression.fingerprint == fingerprint, Suppression.lifted_at.is_(None)
    )
    return tx.session.scalars(query).first() is not None


def lift(tx: Transaction, fingerprint: bytes, *, consent_id: int, at: datetime) -> None:
    """Close the open block because of the person's own confirmed consent; a trigger checks it
    (L-16).
    """
    tx.session.execute(
        sa.update(Suppression)
        .where(Suppression.fingerprint == fingerprint, Suppression.lifted_at.is_(None))
        .values(lifted_at=at, lifted_by_consent_id=consent_id)
    )
