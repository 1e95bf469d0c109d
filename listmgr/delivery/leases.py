"""Leases of id ranges: claimed by a row lock, fenced by holder, taken over if the holder is
silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from listmgr.delivery.models import partition_name
from listmgr.delivery.planner_hints import use_index_plans
from listmgr.kit.sql_condition import (
    EVERYBODY,
    Predicate,
)
from listmgr.kit.transaction import Transaction


@dataclass(slots=True)
class Lease:
    """A range `position <= id < hi` that only this holder may write to."""

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
    """Return the next free range, or None. Deliveries a dead holder left become uncertain."""
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


# The range each of some people falls into: leases hold every id from one `lo` to the next.
LEASE_OF = (
    "(SELECT max(y.lo) FROM campaign_leases y"
    " WHERE y.campaign_id = {campaign} AND y.lo <= {subscriber})"
)
_LOCK = sa.text(
    "SELECT l.lo FROM campaign_leases l WHERE l.campaign_id = :campaign AND l.lo IN (SELECT "
    + LEASE_OF.format(campaign=":campaign", subscriber="x.id")
    + " FROM unnest(CAST(:ids AS bigint[])) AS x(id)) ORDER BY l.lo FOR UPDATE"
)
_LOCK_OF_PEOPLE = sa.text(
    "WITH touched AS MATERIALIZED (SELECT DISTINCT d.campaign_id, "
    + LEASE_OF.format(campaign="d.campaign_id", subscriber="d.subscriber_id")
    + " AS lo FROM deliveries d WHERE d.subscriber_id = ANY(:ids))"
    " SELECT FROM campaign_leases l JOIN touched USING (campaign_id, lo)"
    " ORDER BY l.campaign_id, l.lo FOR UPDATE OF l"
)


def lock_leases(tx: Transaction, campaign_id: int, subscriber_ids: Sequence[int]) -> Sequence[int]:
    """Lock the ranges of some people of a campaign; return where they begin.

    Whoever changes existing deliveries locks their ranges first (docs/architecture.md, "In which
    order rows are locked").
    """
    ids = f"{{{','.join(map(str, subscriber_ids))}}}"
    return tx.session.scalars(_LOCK, {"campaign": campaign_id, "ids": ids}).all()


def lock_all_leases(tx: Transaction, campaign_id: int) -> None:
    """Lock all ranges of a campaign."""
    tx.session.execute(
        sa.text("SELECT FROM campaign_leases WHERE campaign_id = :campaign ORDER BY lo FOR UPDATE"),
        {"campaign": campaign_id},
    )


def lock_leases_of_people(tx: Transaction, subscriber_ids: Sequence[int]) -> None:
    """Lock these people's ranges in all campaigns that have recorded them."""
    tx.session.execute(_LOCK_OF_PEOPLE, {"ids": list(subscriber_ids)})


def _mark_uncertain(tx: Transaction, lease: Lease) -> None:
    """Mark deliveries in `sending` as uncertain: the server may have them, so they are not resent
    (M-16).
    """
    where = {"campaign": lease.campaign_id, "lo": lease.lo, "hi": lease.hi}
    tx.session.execute(
        sa.text(
            f"WITH left_over AS (UPDATE {partition_name(lease.campaign_id)} SET"
            "  status = 'uncertain', ended_at = clock_timestamp(),"
            "  reply = 'the worker ended before the answer', failure = 'uncertain',"
            "  failure_code = '', failure_scope = ''"
            "  WHERE subscriber_id >= :lo AND subscriber_id < :hi AND status = 'sending'"
            "  RETURNING 1)"
            " UPDATE campaign_leases SET uncertain = uncertain + (SELECT count(*) FROM left_over)"
            " WHERE campaign_id = :campaign AND lo = :lo"
        ),
        where,
    )


def close(tx: Transaction, lease: Lease, among: Predicate = EVERYBODY) -> bool:
    """Mark the range as done; return False if another worker had taken it over."""
    closed = _set_state(tx, lease, "done")
    if closed:
        _count_withdrawn(tx, lease, among)
    return closed


def hand_back(tx: Transaction, lease: Lease) -> bool:
    """Release the range so that another worker can continue it."""
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


def _count_withdrawn(tx: Transaction, lease: Lease, among: Predicate) -> None:
    """Count people the windows never met because they withdrew after the launch."""
    use_index_plans(tx)
    tx.session.execute(
        sa.text(
            # Each bound is known before the consents are looked at, so their index is used.
            "WITH k AS MATERIALIZED (SELECT k.launched_at, k.purpose_id, p.list_id FROM campaigns k"
            "  JOIN purposes p ON p.id = k.purpose_id WHERE k.id = :campaign),"
            " gone AS MATERIALIZED (SELECT DISTINCT c.subscriber_id FROM consents c"
            "  WHERE c.list_id = (SELECT list_id FROM k) AND c.status = 'withdrawn'"
            "   AND c.subscriber_id >= :lo AND c.subscriber_id < :hi"
            "   AND c.purpose_id = (SELECT purpose_id FROM k)"
            "   AND c.confirmed_at <= (SELECT launched_at FROM k)"
            "   AND c.ended_at > (SELECT launched_at FROM k)"
            f"   AND (SELECT {among.sql} FROM subscribers s WHERE s.id = c.subscriber_id)),"
            " counted AS (SELECT (SELECT count(*) FROM gone) - (SELECT count(*)"
            f"  FROM {partition_name(lease.campaign_id)}"
            "   WHERE subscriber_id = ANY(ARRAY(SELECT subscriber_id FROM gone))) AS n)"
            " UPDATE campaign_leases SET skipped = skipped"
            "  || jsonb_build_object('not_confirmed', (SELECT n FROM counted))"
            " WHERE campaign_id = :campaign AND lo = :lo AND (SELECT n FROM counted) > 0"
        ),
        {"campaign": lease.campaign_id, "lo": lease.lo, "hi": lease.hi, **among.binds},
    )
