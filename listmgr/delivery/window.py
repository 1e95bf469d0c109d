"""One statement for each window: check the gate, store the intent, fetch what rendering needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.gate import (
    FROM_CONSENTS,
    HOLD_REASON,
    ONE_PURPOSE_CTE,
    ONE_PURPOSE_JOINS,
    gate_binds,
)
from listmgr.delivery.leases import LEASE_OF, Lease, lock_leases
from listmgr.delivery.message.merge_fields import Columns
from listmgr.delivery.models import partition_name
from listmgr.delivery.planner_hints import use_index_plans
from listmgr.kit.clock import elapsed
from listmgr.kit.sql_condition import (
    EVERYBODY,
    Predicate,
)
from listmgr.kit.transaction import Transaction


class Recipient(NamedTuple):
    """A person the gate admitted, recorded as `sending`."""

    subscriber_id: int
    envelope: str
    attempts: int
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Window:
    """The people to mail now.

    `asked_at`: when the gate was asked, by the clock of `elapsed`, taken before its statement was
    sent. Later withdrawals are not seen.
    """

    recipients: list[Recipient]
    asked_at: float


# The reason a delivery is not tried again when its person has left the audience since.
NOT_IN_SEGMENT = "not_in_segment"


@cache
def _first(table: str, fields: Columns, among: str, *, taken_over: bool) -> sa.TextClause:
    columns = "".join(f", {sql} AS f_{name}" for name, sql in fields)
    names = "".join(f", f_{name}" for name, _sql in fields)
    # The position moves with the rows, so nobody stands there already; this is the second wall.
    twice = " ON CONFLICT DO NOTHING RETURNING subscriber_id" if taken_over else ""
    mailed = "c.subscriber_id IN (SELECT subscriber_id FROM written)"
    return sa.text(
        f"WITH {ONE_PURPOSE_CTE}, picked AS MATERIALIZED ("
        # What the gate looks at; the rest of the row is not copied about.
        " SELECT id, subscriber_id, purpose_id, list_id, status, notice_version, confirmed_at,"
        "  last_used_at FROM consents WHERE purpose_id = :purpose AND status = 'confirmed'"
        "  AND subscriber_id >= CAST(:position AS bigint) AND subscriber_id < CAST(:hi AS bigint)"
        f"{among} ORDER BY subscriber_id LIMIT :size),"
        " candidates AS MATERIALIZED ("
        f" SELECT c.subscriber_id, c.id AS consent_id, s.envelope{columns},"
        f"  {HOLD_REASON} AS refused FROM picked c{ONE_PURPOSE_JOINS}"
        " WHERE s.id = ANY(ARRAY(SELECT x.subscriber_id FROM picked x))),"
        # Pausing, cancelling and losing the lease all end here, before anything is written.
        " moved AS (UPDATE campaign_leases SET"
        "  position = CASE WHEN (SELECT count(*) FROM candidates) < :size THEN hi"
        "   ELSE (SELECT max(subscriber_id) + 1 FROM candidates) END,"
        "  lease_until = clock_timestamp() + make_interval(secs => :seconds)"
        " WHERE campaign_id = :campaign AND lo = :lo AND holder = :holder AND state = 'leased'"
        "  AND EXISTS (SELECT FROM campaigns k WHERE k.id = :campaign AND k.status = 'running')"
        " RETURNING position, hi),"
        f" written AS (INSERT INTO {table} (campaign_id, subscriber_id, consent_id, begun_at)"
        "  SELECT :campaign, subscriber_id, consent_id, clock_timestamp() FROM candidates, moved"
        f"  WHERE refused IS NULL{twice})"
        " SELECT m.position, c.refused,"
        f"  CASE WHEN {mailed if taken_over else 'c.refused IS NULL'}"
        "   THEN c.subscriber_id END, c.envelope"
        f"{names} FROM moved m LEFT JOIN candidates c ON true"
    )


def next_window(
    tx: Transaction,
    lease: Lease,
    purpose_id: int,
    fields: Columns,
    size: int,
    among: Predicate = EVERYBODY,
) -> Window | None:
    """Record the next people of a lease; return None if the campaign or the lease is not ours.

    People outside the audience at this moment are skipped.
    """
    use_index_plans(tx)
    test = ""
    if among is not EVERYBODY:
        # Person by person, as the consents are gone through: the plan cannot turn it round.
        test = f" AND (SELECT {among.sql} FROM subscribers s WHERE s.id = consents.subscriber_id)"
    asked_at = elapsed()
    rows = tx.session.execute(
        _first(partition_name(lease.campaign_id), fields, test, taken_over=lease.attempt > 1),
        {
            "campaign": lease.campaign_id,
            "purpose": purpose_id,
            "lo": lease.lo,
            "hi": lease.hi,
            "position": lease.position,
            "holder": lease.holder,
            "size": size,
            "seconds": tx.settings.lease_seconds,
            **gate_binds(tx.settings),
            **among.binds,
        },
    ).all()
    if not rows:
        return None
    lease.position = rows[0].position
    _count_skipped(tx, lease, Counter(row.refused for row in rows if row.refused))
    people = [Recipient(r[2], r[3], 1, r[4:]) for r in rows if r[2] is not None]
    return Window(people, asked_at)


def _count_skipped(tx: Transaction, lease: Lease, skipped: Counter[str]) -> None:
    if not skipped:
        return
    lease.skipped = dict(Counter(lease.skipped) + skipped)
    tx.session.execute(
        sa.text(
            "UPDATE campaign_leases SET skipped = CAST(:skipped AS jsonb)"
            " WHERE campaign_id = :campaign AND lo = :lo"
        ).bindparams(sa.bindparam("skipped", type_=sa.dialects.postgresql.JSONB)),
        {"skipped": lease.skipped, "campaign": lease.campaign_id, "lo": lease.lo},
    )


@cache
def _again(table: str, fields: Columns, among: str) -> sa.TextClause:
    refused = f"coalesce({HOLD_REASON}{among})" if among else HOLD_REASON
    columns = "".join(f", {sql} AS f_{name}" for name, sql in fields)
    names = "".join(f", f_{name}" for name, _sql in fields)
    own = LEASE_OF.format(campaign=":campaign", subscriber="subscriber_id")
    return sa.text(
        f"WITH due AS MATERIALIZED (SELECT subscriber_id FROM {table}"
        "  WHERE next_attempt_at <= now() AND status = 'deferred'"
        f"   AND {own} = ANY(CAST(:leases AS bigint[]))"
        "   AND EXISTS (SELECT FROM campaigns k WHERE k.id = :campaign AND k.status = 'running')"
        "  ORDER BY next_attempt_at LIMIT :size FOR UPDATE SKIP LOCKED),"
        " gated AS MATERIALIZED (SELECT due.subscriber_id, c.id AS consent_id,"
        f"  s.envelope{columns}, {refused} AS refused FROM due LEFT JOIN ({FROM_CONSENTS})"
        "   ON c.subscriber_id = due.subscriber_id AND c.purpose_id = :purpose"
        "   AND c.status = 'confirmed'),"
        f" claimed AS (UPDATE {table} d SET status = 'sending', attempts = attempts + 1,"
        "   begun_at = clock_timestamp(), next_attempt_at = NULL, consent_id = g.consent_id,"
        "   failure = NULL, failure_code = NULL, failure_scope = NULL"
        "  FROM gated g WHERE g.subscriber_id = d.subscriber_id AND g.refused IS NULL"
        "  RETURNING d.subscriber_id, d.attempts),"
        f" dropped AS (UPDATE {table} d SET status = 'failed', next_attempt_at = NULL,"
        "   ended_at = clock_timestamp(), reply = NULL, skip_reason = g.refused,"
        "   failure = 'failed', failure_code = g.refused, failure_scope = ''"
        "  FROM gated g WHERE g.subscriber_id = d.subscriber_id AND g.refused IS NOT NULL"
        "  RETURNING d.subscriber_id),"
        " counted AS (UPDATE campaign_leases l SET deferred = deferred - n.gone,"
        "   failed = failed + n.dropped FROM (SELECT (SELECT max(x.lo) FROM campaign_leases x"
        "     WHERE x.campaign_id = :campaign AND x.lo <= g.subscriber_id) AS lo,"
        "     count(*) AS gone, count(g.refused) AS dropped FROM gated g GROUP BY 1) n"
        "  WHERE l.campaign_id = :campaign AND l.lo = n.lo)"
        f" SELECT c.subscriber_id, g.envelope, c.attempts{names}"
        " FROM claimed c JOIN gated g USING (subscriber_id)"
    )


def due_window(
    tx: Transaction,
    campaign_id: int,
    purpose_id: int,
    fields: Columns,
    *,
    size: int,
    among: Predicate = EVERYBODY,
) -> Window:
    """Return deferred deliveries that are due and pass the gate again; drop the others."""
    leases = _lock_due_leases(tx, campaign_id, size)
    use_index_plans(tx)
    left = f", CASE WHEN ({among.sql}) IS NOT TRUE THEN '{NOT_IN_SEGMENT}' END"
    asked_at = elapsed()
    rows = tx.session.execute(
        _again(partition_name(campaign_id), fields, "" if among is EVERYBODY else left),
        {
            "campaign": campaign_id,
            "purpose": purpose_id,
            "size": size,
            "leases": leases,
            **gate_binds(tx.settings),
            **among.binds,
        },
    ).all()
    return Window([Recipient(row[0], row[1], row[2], row[3:]) for row in rows], asked_at)


def _lock_due_leases(tx: Transaction, campaign_id: int, size: int) -> Sequence[int]:
    """Lock the leases of the next due deliveries before any of their rows."""
    people = tx.session.scalars(
        sa.text(
            f"SELECT subscriber_id FROM {partition_name(campaign_id)}"
            " WHERE next_attempt_at <= now() AND status = 'deferred'"
            " ORDER BY next_attempt_at LIMIT :size"
        ),
        {"size": size},
    ).all()
    return lock_leases(tx, campaign_id, people)


def next_due(session: Session, campaign_id: int) -> datetime | None:
    """Return when the next deferred delivery is due."""
    due: datetime | None = session.scalar(
        sa.text(f"SELECT min(next_attempt_at) FROM {partition_name(campaign_id)}")
    )
    return due


def seconds_to_next_due(session: Session, campaign_id: int) -> float | None:
    """Return the same as a delay by the database's clock, since workers' clocks may differ; below 0
    it is due.
    """
    seconds = session.scalar(
        sa.text(
            "SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp())"
            f" FROM {partition_name(campaign_id)}"
        )
    )
    return None if seconds is None else float(seconds)
