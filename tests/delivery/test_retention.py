"""Deliveries go after some months, a partition at a time; what was counted stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery import sweep
from listmgr.delivery.engine import SliceResult
from listmgr.delivery.models import DeliveryStatus, FailureKind
from listmgr.delivery.reports import undelivered
from listmgr.delivery.reports.progress import (
    problems,
    progress,
)
from listmgr.delivery.resend import (
    ResendScope,
    resend,
)
from listmgr.delivery.retention import (
    deliveries_kept,
    drop_deliveries,
    expired_campaigns,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import Refused
from tests.conftest import UnitOfWork
from tests.sink import Sink

Send = Callable[..., SliceResult]


@pytest.fixture
def finished(launched: int, send: Send, sink: Sink, uow: UnitOfWork) -> int:
    sink.rcpt["p3@example.org"] = "550 5.1.1 nobody here"
    while send(launched) is SliceResult.MORE:
        pass
    with uow() as tx:
        assert sweep.finish_if_done(tx, launched, at=now())
    with uow() as tx:
        # The database itself lets none go that ended less than a month ago.
        tx.session.get_one(Campaign, launched).finished_at = now() - timedelta(days=31)
    return launched


def later(months: int) -> datetime:
    return now() + timedelta(days=31 * months)


def test_they_are_kept_as_long_as_the_setting_says(
    finished: int, uow: UnitOfWork, settings: Settings, session: Session
):
    months = settings.delivery_months
    assert expired_campaigns(session, months, at=later(months - 2)) == []
    assert expired_campaigns(session, months, at=later(months + 1)) == [finished]
    assert expired_campaigns(session, 0, at=later(1000)) == []
    with uow() as tx:
        assert not drop_deliveries(tx, finished, at=later(months - 2))
    assert deliveries_kept(session, finished)


def test_the_partition_goes_and_the_counters_stay(
    finished: int, uow: UnitOfWork, settings: Settings, session: Session
):
    before = progress(session, finished)
    assert (before.sent, before.failed) == (9, 1)
    session.rollback()
    with uow() as tx:
        assert drop_deliveries(tx, finished, at=later(settings.delivery_months + 1))
    with uow() as tx:
        assert not drop_deliveries(tx, finished, at=later(settings.delivery_months + 1))
    assert not deliveries_kept(session, finished)
    assert progress(session, finished) == before
    assert session.get_one(Campaign, finished).status is CampaignStatus.FINISHED


def test_what_asks_for_people_finds_nobody_and_nobody_is_tried_again(
    finished: int, uow: UnitOfWork, settings: Settings, session: Session
):
    with uow() as tx:
        drop_deliveries(tx, finished, at=later(settings.delivery_months + 1))
    campaign = session.get_one(Campaign, finished)
    assert problems(session, finished, limit=10) == []
    assert (
        undelivered.by_failure(session, finished, FailureKind(DeliveryStatus.FAILED, "5.1.1")).rows
        == []
    )
    # Nobody is said to have been held back because the row is gone.
    assert undelivered.held_back(session, settings, campaign).rows == []
    assert list(undelivered.everybody(uow, settings, campaign.id)) == []
    with uow() as tx, pytest.raises(Refused, match="no longer stored"):
        resend(tx, finished, ResendScope.FAILED)


def test_a_campaign_that_is_not_over_keeps_them(
    launched: int, uow: UnitOfWork, settings: Settings, session: Session
):
    at = later(settings.delivery_months + 1)
    assert expired_campaigns(session, settings.delivery_months, at=at) == []
    with uow() as tx:
        assert not drop_deliveries(tx, launched, at=at)
    assert deliveries_kept(session, launched)
