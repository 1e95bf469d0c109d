"""A campaign is paused, its mail server goes away, its connections are cut: nobody is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose, control
from listmgr.campaigns.models import Campaign, CampaignStatus, PauseCause
from listmgr.config import Settings
from listmgr.delivery.launch import launch
from listmgr.delivery.reports.progress import (
    Progress,
    progress,
)
from listmgr.delivery.sweep import enqueue_campaign
from listmgr.kit.clock import now
from listmgr.schema import resource
from tests.conftest import UnitOfWork
from tests.factories import make_list
from tests.journeys.workers import started
from tests.many_subscribers import make_crowd
from tests.sink import Sink, running_sink

PEOPLE = 900
SLOWLY = {"LISTMGR_SEND_RATE": "100", "LISTMGR_WINDOW_SIZE": "20"}


@pytest.fixture
def campaign_id(uow: UnitOfWork, superuser: sa.Engine, settings: Settings) -> int:
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, PEOPLE, 10)
    with uow() as tx:
        draft = compose.Draft("Mai", notice.purpose_id, "Hallo {{ first_name }}", body="Hallo!")
        found = compose.create(tx, draft, operator_id=None, at=now()).id
    with uow() as tx:
        tx.settings = replace(settings, lease_size=100)
        launch(tx, found, templates=resource("templates"), at=now())
    return found


def wait_for(told: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def status_of(session: Session, campaign_id: int) -> CampaignStatus:
    session.rollback()
    session.expire_all()
    return session.get_one(Campaign, campaign_id).status


def finished(session: Session, campaign_id: int) -> Progress:
    wait_for(lambda: status_of(session, campaign_id) is CampaignStatus.FINISHED, 120)
    return progress(session, campaign_id)


def everybody_once(mails: list[tuple[str, bytes]]) -> None:
    got = Counter(to for to, _ in mails)
    assert set(got) == {f"p{n}@crowd.example" for n in range(1, PEOPLE + 1)}
    assert max(got.values()) == 1


@pytest.mark.timeout(200)
def test_a_pause_takes_effect_within_a_second(
    campaign_id: int, uow: UnitOfWork, settings: Settings, session: Session, tmp_path: Path
):
    with running_sink() as sink, started(settings, sink, tmp_path, count=2, **SLOWLY):
        wait_for(lambda: len(sink.mails) > 50)
        with uow() as tx:
            control.pause(tx, campaign_id)
        time.sleep(1)
        sent = len(sink.mails)
        assert sent < PEOPLE
        time.sleep(2)
        assert len(sink.mails) == sent
        with uow() as tx:
            control.resume(tx, campaign_id)
        stand = finished(session, campaign_id)
    everybody_once(sink.mails)
    assert (stand.sent, stand.uncertain, stand.remaining) == (PEOPLE, 0, 0)


@pytest.mark.timeout(200)
def test_a_mail_server_that_goes_away_pauses_and_its_return_resumes(
    campaign_id: int, settings: Settings, session: Session, tmp_path: Path
):
    """The server ends in the middle and is started again at the same place."""
    mails: list[tuple[str, bytes]] = []
    with ExitStack() as stack:
        first = ExitStack()
        sink = first.enter_context(running_sink())
        stack.enter_context(started(settings, sink, tmp_path, count=2, **SLOWLY))
        wait_for(lambda: len(sink.mails) > 100)
        first.close()
        mails += sink.mails
        wait_for(lambda: status_of(session, campaign_id) is CampaignStatus.PAUSED)
        found = session.get_one(Campaign, campaign_id)
        assert found.pause_cause is PauseCause.SERVER_AWAY
        again: Sink = stack.enter_context(running_sink(sink.port))
        stand = finished(session, campaign_id)
        mails += again.mails
    got = Counter(to for to, _ in mails)
    assert max(got.values()) == 1
    # What was on the line when it was cut may have been taken: shown, and not sent again.
    assert stand.sent + stand.uncertain == PEOPLE
    assert PEOPLE - len(got) <= stand.uncertain <= 40
    assert (stand.deferred, stand.failed, stand.remaining) == (0, 0, 0)


@pytest.mark.timeout(200)
def test_valkey_emptied_again_and_again_loses_nobody(
    campaign_id: int, uow: UnitOfWork, settings: Settings, session: Session, tmp_path: Path
):
    bells = redis.Redis.from_url(settings.redis_url)
    with running_sink() as sink, started(settings, sink, tmp_path, count=2, **SLOWLY):
        for share in (0.1, 0.4, 0.7):
            wait_for(lambda share=share: len(sink.mails) > PEOPLE * share)
            bells.flushall()
        stand = finished(session, campaign_id)
    everybody_once(sink.mails)
    assert (stand.sent, stand.uncertain) == (PEOPLE, 0)


@pytest.mark.timeout(200)
def test_connections_to_postgresql_cut_again_and_again_lose_nobody(
    campaign_id: int, engine: sa.Engine, settings: Settings, session: Session, tmp_path: Path
):
    """As a restart does it to everybody who is connected: each backend is ended."""
    session.close()
    cut = sa.text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    with running_sink() as sink, started(settings, sink, tmp_path, count=2, **SLOWLY):
        for share in (0.1, 0.4, 0.7):
            wait_for(lambda share=share: len(sink.mails) > PEOPLE * share)
            engine.dispose()
            with engine.begin() as connection:
                assert connection.scalar(cut)
        stand = finished(session, campaign_id)
    got = Counter(to for to, _ in sink.mails)
    assert max(got.values()) == 1
    assert stand.sent + stand.uncertain == PEOPLE
    # At most the window each of two workers had in hand, three times.
    assert stand.uncertain <= 6 * 20
    assert PEOPLE - len(got) <= stand.uncertain


def test_a_campaign_is_rung_for_once_however_often(campaign_id: int, uow: UnitOfWork, jobs: list):
    jobs.clear()
    with uow() as tx:
        enqueue_campaign(tx, campaign_id)
        enqueue_campaign(tx, campaign_id)
    assert len({job.key for job in jobs}) == tx.settings.send_slots
