"""Writes outcomes down in bulk, keeps the leases' counters, and acts on what the server said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from listmgr.delivery.launch import partition
from listmgr.delivery.models import DeliveryStatus
from listmgr.kit.transaction import Transaction
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one delivery. `untouched` ones were never handed over: no attempt is used."""

    subscriber_id: int
    status: DeliveryStatus
    reply: str = ""
    next_attempt_at: datetime | None = None
    untouched: bool = False
    suppress: bool = False


# `sending` and `uncertain` only: a late answer may still settle what was given up as uncertain.
_RECORD = (
    "WITH o AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:statuses AS text[]),"
    "  CAST(:replies AS text[]), CAST(:nexts AS timestamptz[]), CAST(:untouched AS int[]))"
    "  AS t(id, status, reply, next_at, untouched)),"
    " before AS (SELECT o.*, d.status AS was FROM {table} d"
    "  JOIN o ON o.id = d.subscriber_id WHERE d.status IN ('sending', 'uncertain')"
    "  FOR UPDATE OF d),"
    " changed AS (UPDATE {table} d SET status = b.status, reply = b.reply,"
    "   next_attempt_at = b.next_at, attempts = attempts - b.untouched,"
    "   ended_at = CASE WHEN b.next_at IS NULL THEN clock_timestamp() END"
    "  FROM before b WHERE b.id = d.subscriber_id),"
    " deltas AS (SELECT {lease} AS lo,"
    "   count(*) FILTER (WHERE b.status = 'sent') AS sent,"
    "   count(*) FILTER (WHERE b.status = 'failed') AS failed,"
    "   count(*) FILTER (WHERE b.status = 'deferred') AS deferred,"
    "   count(*) FILTER (WHERE b.status = 'uncertain')"
    "    - count(*) FILTER (WHERE b.was = 'uncertain') AS uncertain FROM before b GROUP BY 1)"
    " UPDATE campaign_leases l SET sent = l.sent + x.sent, failed = l.failed + x.failed,"
    "  deferred = l.deferred + x.deferred, uncertain = l.uncertain + x.uncertain"
    " FROM deltas x WHERE l.campaign_id = :campaign AND l.lo = x.lo"
)
_ITS_LEASE = (
    "(SELECT max(y.lo) FROM campaign_leases y WHERE y.campaign_id = :campaign AND y.lo <= b.id)"
)


def record_results(
    tx: Transaction, campaign_id: int, results: Sequence[Result], *, lo: int | None, at: datetime
) -> None:
    """Settle deliveries; `lo` names their lease where all are of one."""
    if not results:
        return
    sql = _RECORD.format(
        table=partition(campaign_id), lease="CAST(:lo AS bigint)" if lo is not None else _ITS_LEASE
    )
    values = {
        "campaign": campaign_id,
        "ids": [result.subscriber_id for result in results],
        "statuses": [result.status.value for result in results],
        "replies": [result.reply or None for result in results],
        "nexts": [result.next_attempt_at for result in results],
        "untouched": [int(result.untouched) for result in results],
    }
    tx.session.execute(sa.text(sql), values if lo is None else values | {"lo": lo})
    _suppress(tx, [r.subscriber_id for r in results if r.suppress], at)


def _suppress(tx: Transaction, ids: Sequence[int], at: datetime) -> None:
    """Mailboxes that do not exist must not be written to again (M-07)."""
    if not ids:
        return
    found = tx.session.scalars(
        sa.text("SELECT fingerprint FROM subscribers WHERE id = ANY(:ids)"), {"ids": list(ids)}
    )
    for fingerprint in found.all():
        suppress(tx, fingerprint, SuppressionReason.BOUNCED, at=at)
