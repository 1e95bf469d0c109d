"""Leases of ranges: claimed by a row lock, fenced by their holder, taken over when it is silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from listmgr.delivery.launch import partition
from listmgr.delivery.planning import plan_by_key
from listmgr.kit.transaction import Transaction


@dataclass(slots=True)
class Lease:
    """A range `position <= id < hi` this holder alone may write to."""

    campaign_id: int
    lo: int
    hi: int
    position: int
    holder: str
    attempt: int
    skipped: dict[str, int]


_CLAIM = sa.text(
    "UPDATE campaign_leases SET state = 'leased', attempt = attempt + 1, holder = :holder,"
    "  lease_until = clock_timestamp() + make_interval(secs => :seconds)"
    " WHERE (campaign_id, lo) = ("
    "  SELECT l.campaign_id, l.lo FROM campaign_leases l JOIN campaigns k ON k.id = l.campaign_id"
    "  WHERE l.campaign_id = :campaign AND k.status = 'running' AND l.state <> 'done'"
    "   AND (l.state = 'open' OR l.lease_until < clock_timestamp())"
    "  ORDER BY l.lo LIMIT 1 FOR UPDATE OF l SKIP LOCKED)"
    " RETURNING lo, hi, position, attempt, skipped"
)


def claim(tx: Transaction, campaign_id: int, holder: str) -> Lease | None:
    """The next range nobody is working on, or None. What a dead holder left becomes uncertain."""
    row = tx.session.execute(
        _CLAIM,
        {"campaign": campaign_id, "holder": holder, "seconds": tx.settings.lease_seconds},
    ).one_or_none()
    if row is None:
        return None
    lease = Lease(campaign_id, row.lo, row.hi, row.position, holder, row.attempt, row.skipped)
    if row.attempt > 1:
        _mark_uncertain(tx, lease)
    return lease


def _mark_uncertain(tx: Transaction, lease: Lease) -> None:
    """What stood in `sending` may have been taken: it is never sent again blindly (M-16)."""
    where = {"campaign": lease.campaign_id, "lo": lease.lo, "hi": lease.hi}
    tx.session.execute(
        sa.text(
            f"WITH left_over AS (UPDATE {partition(lease.campaign_id)} SET status = 'uncertain',"
            "  ended_at = clock_timestamp(), reply = 'the worker ended before the answer',"
            "  trouble = 'uncertain'"
            "  WHERE subscriber_id >= :lo AND subscriber_id < :hi AND status = 'sending'"
            "  RETURNING 1)"
            " UPDATE campaign_leases SET uncertain = uncertain + (SELECT count(*) FROM left_over)"
            " WHERE campaign_id = :campaign AND lo = :lo"
        ),
        where,
    )


def close(tx: Transaction, lease: Lease) -> bool:
    """Everybody in the range has been seen to; False when it had been taken over."""
    closed = _set_state(tx, lease, "done")
    if closed:
        _note_use(tx, lease)
    return closed


def hand_back(tx: Transaction, lease: Lease) -> bool:
    """Another worker may go on from where this one stopped."""
    return _set_state(tx, lease, "open")


def _set_state(tx: Transaction, lease: Lease, state: str) -> bool:
    result: Any = tx.session.execute(
        sa.text(
            "UPDATE campaign_leases SET state = CAST(:state AS varchar), holder = '',"
            "  lease_until = NULL, attempt = CASE CAST(:state AS varchar) WHEN 'open' THEN 0"
            "  ELSE attempt END"
            " WHERE campaign_id = :campaign AND lo = :lo AND holder = :holder AND state = 'leased'"
        ),
        {"state": state, "campaign": lease.campaign_id, "lo": lease.lo, "holder": lease.holder},
    )
    return bool(result.rowcount)


def _note_use(tx: Transaction, lease: Lease) -> None:
    """The clock of ageing and of the proof's retention, to the month (L-06, L-08)."""
    plan_by_key(tx)
    tx.session.execute(
        sa.text(
            "UPDATE consents c SET last_used_at = date_trunc('month', now())"
            " WHERE (c.last_used_at IS NULL OR c.last_used_at < date_trunc('month', now()))"
            f"  AND c.id = ANY(ARRAY(SELECT consent_id FROM {partition(lease.campaign_id)}"
            "   WHERE subscriber_id >= :lo AND subscriber_id < :hi"
            "    AND status IN ('sent', 'uncertain')))"
        ),
        {"lo": lease.lo, "hi": lease.hi},
    )
