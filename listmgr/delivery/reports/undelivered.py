"""People who were not mailed and why: counted by reason, and listed page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.audience import audience
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.consent.gate import FROM_CONSENTS, HOLD_REASON, gate_binds
from listmgr.delivery.models import DeliveryStatus, FailureKind, partition_name
from listmgr.delivery.reports.failure_kinds import failure_kinds_cte
from listmgr.delivery.retention import deliveries_kept
from listmgr.kit.transaction import Transaction

PAGE = 50
HELD_BACK = "held_back"
# How many ranges of an audience are gone through for one page; each is of about a thousand people.
RANGES = 10
EVERYBODY = (0, 2**63 - 1)
_ALL = "true"
# Restricted people are in no file (Article 18).
_IN_A_FILE = "s.restricted_at IS NULL"


@dataclass(frozen=True, slots=True)
class UndeliveredPerson:
    """One person. `next_attempt_at` is set if it will be retried.

    `why` is a reason of the gate, or (`is_answer`) a server's reply.
    """

    subscriber_id: int
    address: str
    why: str
    at: datetime | None
    next_attempt_at: datetime | None
    is_answer: bool


@dataclass(frozen=True, slots=True)
class UndeliveredPage:
    """Some of them, by id; `after` leads to the next ones.

    A page may be short or empty and still have a next one, if the rest was not examined yet.
    """

    rows: list[UndeliveredPerson]
    after: int | None


def by_failure(
    session: Session,
    campaign_id: int,
    kind: FailureKind | None,
    *,
    after: int = 0,
    size: int = PAGE,
    whom: str = _ALL,
) -> UndeliveredPage:
    """Return people with one kind of failure; `whom` is an SQL condition."""
    if kind is None or not deliveries_kept(session, campaign_id):
        return UndeliveredPage([], None)
    return _page(
        session,
        "SELECT d.subscriber_id, s.address, coalesce(d.skip_reason, d.reply, ''),"
        f" coalesce(d.ended_at, d.begun_at), d.next_attempt_at, d.skip_reason IS NULL"
        f" FROM {partition_name(campaign_id)} d JOIN subscribers s ON s.id = d.subscriber_id"
        " WHERE (d.failure, d.failure_code, d.failure_scope) = (:status, :code, :scope)"
        f" AND d.subscriber_id > :after AND {whom}"
        " ORDER BY d.subscriber_id LIMIT :more",
        {**kind._asdict(), "after": after},
        size,
    )


def held_back(
    session: Session, settings: Settings, campaign: Campaign, *, after: int = 0, size: int = PAGE
) -> UndeliveredPage:
    """Return people who had confirmed before the launch and got nothing, with the present reason.

    The leases know in which ranges people were held back, so only those are examined.
    """
    if not deliveries_kept(session, campaign.id):
        return UndeliveredPage([], None)
    ranges = session.execute(
        sa.text(
            "SELECT lo, hi FROM campaign_leases WHERE campaign_id = :campaign AND hi > :after + 1"
            " AND (skipped <> '{}' OR state <> 'done'"
            "  OR audience > sent + failed + deferred + uncertain) ORDER BY lo LIMIT :most"
        ),
        {"campaign": campaign.id, "after": after, "most": RANGES},
    ).all()
    page = _held_back_in(session, settings, campaign, [(r[0], r[1]) for r in ranges], after, size)
    if page.after is None and len(ranges) == RANGES:
        return UndeliveredPage(page.rows, ranges[-1].hi - 1)
    return page


def _held_back_in(
    session: Session,
    settings: Settings,
    campaign: Campaign,
    ranges: Sequence[tuple[int, int]],
    after: int,
    size: int,
    whom: str = _ALL,
) -> UndeliveredPage:
    among = audience(session, campaign)
    return _page(
        session,
        "SELECT h.* FROM unnest(CAST(:los AS bigint[]), CAST(:his AS bigint[])) r (lo, hi)"
        f" CROSS JOIN LATERAL (SELECT c.subscriber_id, s.address, {HOLD_REASON} AS why,"
        f"  c.ended_at, NULL, false FROM {FROM_CONSENTS} WHERE c.purpose_id = :purpose"
        "   AND c.subscriber_id > :after AND c.subscriber_id >= r.lo AND c.subscriber_id < r.hi"
        "   AND c.confirmed_at <= :launched AND (c.ended_at IS NULL OR c.ended_at > :launched)"
        f"  AND {HOLD_REASON} IS NOT NULL AND ({among.sql}) AND {whom}"
        f"  AND NOT EXISTS (SELECT FROM {partition_name(campaign.id)} d"
        "    WHERE d.subscriber_id = c.subscriber_id)"
        "  ORDER BY c.subscriber_id LIMIT :more) h ORDER BY h.subscriber_id LIMIT :more",
        {
            "los": [lo for lo, _hi in ranges],
            "his": [hi for _lo, hi in ranges],
            "purpose": campaign.purpose_id,
            "launched": campaign.launched_at,
            "after": after,
            **gate_binds(settings),
            **among.binds,
        },
        size,
    )


def _page(session: Session, sql: str, binds: dict[str, object], size: int) -> UndeliveredPage:
    rows = session.execute(sa.text(sql), binds | {"more": size + 1}).all()
    people = [UndeliveredPerson(*row) for row in rows[:size]]
    return UndeliveredPage(people, people[-1].subscriber_id if len(rows) > size else None)


def everybody(
    reading: Callable[[], AbstractContextManager[Transaction]],
    settings: Settings,
    campaign_id: int,
) -> Iterator[UndeliveredPerson]:
    """Yield all but restricted people for a file: failures first, then those held back.

    Each page is read in its own transaction: a slow browser holds none open.
    """
    for kind in _kinds(reading, campaign_id):
        after: int | None = 0
        while after is not None:
            with reading() as tx:
                page = by_failure(
                    tx.session, campaign_id, kind, after=after, size=1000, whom=_IN_A_FILE
                )
            yield from page.rows
            after = page.after
    after = 0
    while after is not None:
        with reading() as tx:
            page = _held_back_page(tx.session, settings, campaign_id, after)
        yield from page.rows
        after = page.after


def _kinds(
    reading: Callable[[], AbstractContextManager[Transaction]], campaign_id: int
) -> Sequence[FailureKind]:
    with reading() as tx:
        if not deliveries_kept(tx.session, campaign_id):
            return ()
        kinds = sa.text(f"{failure_kinds_cte(campaign_id)} SELECT * FROM every ORDER BY 1, 2, 3")
        return [
            FailureKind(DeliveryStatus(status), code, scope)
            for status, code, scope in tx.session.execute(kinds)
        ]


def _held_back_page(
    session: Session, settings: Settings, campaign_id: int, after: int
) -> UndeliveredPage:
    """Return the next page of the whole audience; a file may take its time."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None or campaign.status is CampaignStatus.DRAFT:
        return UndeliveredPage([], None)
    if not deliveries_kept(session, campaign_id):
        return UndeliveredPage([], None)
    return _held_back_in(session, settings, campaign, [EVERYBODY], after, 1000, whom=_IN_A_FILE)
