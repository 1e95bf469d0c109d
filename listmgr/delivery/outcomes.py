"""Store outcomes in bulk, maintain the leases' counters, and act on the servers' answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from listmgr.campaigns import control
from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.models import CampaignStatus
from listmgr.delivery.leases import lock_leases
from listmgr.delivery.models import DeliveryStatus, PutOffReason, partition_name
from listmgr.delivery.planner_hints import use_index_plans
from listmgr.delivery.smtp.providers import OTHERS
from listmgr.delivery.smtp.reply_codes import (
    SOFT_MOST,
    SOFT_WITHIN,
    enhanced,
)
from listmgr.delivery.sweep import enqueue_campaign
from listmgr.kit.transaction import Transaction
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress_many


class Result(NamedTuple):
    """Outcome of one delivery. `untouched`: never transmitted, so no attempt is used."""

    subscriber_id: int
    status: DeliveryStatus
    reply: str = ""
    next_attempt_at: datetime | None = None
    untouched: bool = False
    suppress: bool = False
    provider: str = OTHERS
    # Why somebody was put off before anything was said to a server, and by which limit.
    put_off: PutOffReason | None = None
    scope: str = ""
    # A soft refusal that has not ended in time.
    given_up: bool = False
    # The recipient's server, or its whole domain, has not taken it: that must come to an end.
    refused: bool = False


# Stands in no reply: those are one line of printable characters.
_END = "\n"
# Put off once more by its server, which has refused for too long.
_TOO_LONG = (
    "(o.status = 'deferred' AND o.refused = 1"
    " AND d.refused_since + make_interval(secs => :give_up) <= now())"
)
# One pass for what stood in `sending`, which is nearly always all of them. A late answer may still
# settle what was given up as uncertain: a pass of its own, when some are left over.
_SET = (
    "WITH {held}o AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:statuses AS text[]),"
    "  string_to_array(:replies, :end, ''), CAST(:nexts AS timestamptz[]),"
    "  CAST(:untouched AS int[]), CAST(:refused AS int[]), string_to_array(:codes, :end),"
    "  string_to_array(:scopes, :end))"
    "  AS t(id, status, reply, next_at, untouched, refused, code, scope)),"
    # A delay, told as a moment of the worker's clock.
    " later AS (SELECT id, status, reply, now() + (next_at - CAST(:at AS timestamptz)) AS next_at,"
    "   untouched, refused, code, scope FROM o),"
    " changed AS (UPDATE {table} d SET reply = o.reply, attempts = attempts - o.untouched,"
    f"  status = CASE WHEN {_TOO_LONG} THEN 'failed' ELSE o.status END,"
    f"  failure = CASE WHEN {_TOO_LONG} THEN 'failed' ELSE nullif(o.status, 'sent') END,"
    "   failure_code = CASE WHEN o.status <> 'sent' THEN coalesce(o.code, '') END,"
    "   failure_scope = CASE WHEN o.status <> 'sent' THEN coalesce(o.scope, '') END,"
    # The last attempt is made when the time is up, and not after it.
    f"  next_attempt_at = CASE WHEN {_TOO_LONG} THEN NULL WHEN o.refused = 1"
    "    THEN least(o.next_at, coalesce(d.refused_since, now())"
    "     + make_interval(secs => :give_up)) ELSE o.next_at END,"
    "   refused_since = CASE WHEN o.refused = 1 THEN coalesce(d.refused_since, now())"
    "    ELSE d.refused_since END,"
    f"  ended_at = CASE WHEN o.next_at IS NULL OR {_TOO_LONG} THEN now() END"
    "  FROM later o WHERE o.id = d.subscriber_id AND d.status = :was"
    "   AND d.subscriber_id = ANY(CAST(:ids AS bigint[])){first} RETURNING o.id, d.status)"
)
# The same where every mail was taken, which is what there is most of.
_SET_SENT = (
    "WITH {held}changed AS (UPDATE {table} d SET status = 'sent', reply = o.reply, ended_at = now()"
    "  FROM unnest(CAST(:ids AS bigint[]), string_to_array(:replies, :end, '')) AS o(id, reply)"
    "  WHERE o.id = d.subscriber_id AND d.status = :was"
    "   AND d.subscriber_id = ANY(CAST(:ids AS bigint[])){first} RETURNING o.id, d.status)"
)
_COUNT = (
    ", deltas AS (SELECT {lease} AS lo,"
    "   count(*) FILTER (WHERE b.status = 'sent') AS sent,"
    "   count(*) FILTER (WHERE b.status = 'failed') AS failed,"
    "   count(*) FILTER (WHERE b.status = 'deferred') AS deferred,"
    "   count(*) FILTER (WHERE b.status = 'uncertain')"
    "    - CASE WHEN :was = 'uncertain' THEN count(*) ELSE 0 END AS uncertain"
    "  FROM changed b GROUP BY 1),"
    " counted AS (UPDATE campaign_leases l SET sent = l.sent + x.sent,"
    "   failed = l.failed + x.failed, deferred = l.deferred + x.deferred,"
    "   uncertain = l.uncertain + x.uncertain, noted = false,"
    # Whichever lease they stand beside: only their sum is ever looked at.
    "   providers = CASE WHEN x.lo = (SELECT min(lo) FROM deltas) THEN"
    "    (SELECT coalesce(jsonb_object_agg(k, n), '{{}}') FROM (SELECT k, sum(v::bigint) AS n FROM"
    "      (SELECT * FROM jsonb_each_text(l.providers)"
    "       UNION ALL SELECT * FROM jsonb_each_text(CAST(:providers AS jsonb))) AS u(k, v)"
    "      GROUP BY k) m) ELSE l.providers END"
    "  FROM deltas x WHERE l.campaign_id = :campaign AND l.lo = {found})"
    " SELECT count(*) FROM changed"
)
# Its lease is locked before the first delivery is: so does whoever takes it over.
_HELD = (
    "held AS MATERIALIZED (SELECT 1 FROM campaign_leases"
    " WHERE campaign_id = :campaign AND lo = :lo FOR UPDATE), "
)
_FIRST = " AND EXISTS (SELECT FROM held)"
_ITS_LEASE = (
    "(SELECT max(y.lo) FROM campaign_leases y WHERE y.campaign_id = :campaign AND y.lo <= b.id)"
)


def record_results(
    tx: Transaction, campaign_id: int, results: Sequence[Result], *, lo: int | None, at: datetime
) -> bool:
    """Settle deliveries; `lo` names their lease if all belong to one.

    Returns False if some had been marked uncertain meanwhile; pass those to `record_late`. Later
    reads of the transaction are planned for few rows.
    """
    if not results:
        return True
    settled = _settle(tx, campaign_id, results, was=DeliveryStatus.SENDING, lo=lo, at=at)
    dead = [r.subscriber_id for r in results if r.suppress]
    _suppress(tx, dead + _given_up_often(tx, results, at), at)
    return settled == len(results)


def record_late(
    tx: Transaction, campaign_id: int, results: Sequence[Result], *, at: datetime
) -> None:
    """Settle deliveries that were marked uncertain before their worker reported them.

    A campaign that finished meanwhile is reopened if some are to be retried.
    """
    # Before the deliveries, as everybody does who writes to both.
    campaign = lock_campaign(tx, campaign_id)
    _settle(tx, campaign_id, results, was=DeliveryStatus.UNCERTAIN, at=at)
    if campaign.status is CampaignStatus.FINISHED and _somebody_is_deferred(tx, campaign_id):
        control.reopen(tx, campaign_id)
        enqueue_campaign(tx, campaign_id)


def _somebody_is_deferred(tx: Transaction, campaign_id: int) -> bool:
    deferred = tx.session.scalar(
        sa.text(
            f"SELECT EXISTS (SELECT FROM {partition_name(campaign_id)}"
            " WHERE next_attempt_at IS NOT NULL AND status = 'deferred')"
        )
    )
    return bool(deferred)


def _settle(
    tx: Transaction,
    campaign_id: int,
    results: Sequence[Result],
    *,
    was: DeliveryStatus,
    at: datetime,
    lo: int | None = None,
) -> int:
    """Settle deliveries that are in the state `was`; return how many there were."""
    sent = all(result.status is DeliveryStatus.SENT for result in results)
    statement = _statement(partition_name(campaign_id), sent, own_lease=lo is None)
    values = _values(campaign_id, results, sent) | {"was": was.value}
    if lo is not None:
        values |= {"lo": lo}
    if not sent:
        values |= {"give_up": tx.settings.give_up_days * 86_400, "at": at}
    if was is DeliveryStatus.UNCERTAIN:
        # By provider they were counted when they were given up.
        values |= {"providers": "{}"}
    use_index_plans(tx)
    if lo is None:
        lock_leases(tx, campaign_id, [result.subscriber_id for result in results])
    settled: int = tx.session.scalar(statement, values)
    return settled


def _values(campaign_id: int, results: Sequence[Result], sent: bool) -> dict[str, Any]:
    # As text that PostgreSQL cuts up itself: the driver would look at each value of a list.
    values: dict[str, Any] = {
        "campaign": campaign_id,
        "ids": f"{{{','.join([str(result.subscriber_id) for result in results])}}}",
        "replies": _END.join([result.reply for result in results]),
        "end": _END,
        "providers": json.dumps(_providers(results, sent)),
    }
    if not sent:
        values["statuses"] = [result.status.value for result in results]
        values["nexts"] = [result.next_attempt_at for result in results]
        values["untouched"] = [int(result.untouched) for result in results]
        values["refused"] = [int(result.refused) for result in results]
        values["codes"] = _END.join(map(_failure_code, results))
        values["scopes"] = _END.join([result.scope for result in results])
    return values


def _providers(results: Sequence[Result], sent: bool) -> Mapping[str, int]:
    if not sent:
        return Counter([f"{r.status} {r.provider}" for r in results if not r.untouched])
    counts = Counter([result.provider for result in results])
    return {f"{DeliveryStatus.SENT} {provider}": count for provider, count in counts.items()}


@lru_cache(64)
def _statement(table: str, sent: bool, *, own_lease: bool) -> sa.TextClause:
    lease, lease_key = (_ITS_LEASE, "x.lo") if own_lease else ("CAST(:lo AS bigint)", ":lo")
    held, first = ("", "") if own_lease else (_HELD, _FIRST)
    sql = ((_SET_SENT if sent else _SET) + _COUNT).format(
        table=table, lease=lease, found=lease_key, held=held, first=first
    )
    names = ("was", "replies", "end", "providers", *(() if sent else ("codes", "scopes")))
    texts = [sa.bindparam(name, type_=sa.Text) for name in names]
    return sa.text(sql).bindparams(*texts)


def _failure_code(result: Result) -> str:
    """Return the code of a failure; empty for a success."""
    if result.status is DeliveryStatus.SENT:
        return ""
    if result.put_off:
        return result.put_off.value
    if status_code := enhanced(result.reply):
        return ".".join(status_code)
    return result.reply[:3] if result.reply[:3].isdecimal() else ""


def _given_up_often(tx: Transaction, results: Sequence[Result], at: datetime) -> list[int]:
    """Return those given up now whose mailbox was given up in several recent campaigns."""
    ids = [result.subscriber_id for result in results if result.given_up]
    if not ids:
        return []
    subscriber_ids = tx.session.scalars(
        sa.text(
            "SELECT subscriber_id FROM deliveries WHERE subscriber_id = ANY(:ids)"
            " AND failure = 'failed' AND ended_at > :since"
            # Refused for now, or a full mailbox.
            " AND (left(failure_code, 1) = '4' OR failure_code = '5.2.2')"
            " GROUP BY 1 HAVING count(*) >= :most"
        ),
        {"ids": ids, "since": at - SOFT_WITHIN, "most": SOFT_MOST},
    )
    return list(subscriber_ids)


def _suppress(tx: Transaction, ids: Sequence[int], at: datetime) -> None:
    """Block mailboxes that do not exist (M-07)."""
    if not ids:
        return
    address_keys = tx.session.scalars(
        sa.text("SELECT fingerprint FROM subscribers WHERE id = ANY(:ids)"), {"ids": list(ids)}
    )
    suppress_many(tx, address_keys.all(), SuppressionReason.BOUNCED, at=at)
