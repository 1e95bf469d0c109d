"""Limits kept by several real worker processes together, and by campaigns that wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import control
from listmgr.campaigns.models import Campaign
from listmgr.config import Settings
from listmgr.senders.edit import pace_sender
from listmgr.senders.limits_form import LimitsForm
from listmgr.senders.models import BUILT_IN
from listmgr.senders.quiet_hours import QuietHoursForm
from tests.conftest import UnitOfWork
from tests.journeys.test_stops import PEOPLE, campaign_id, everybody_once, finished, wait_for
from tests.journeys.workers import started
from tests.sink import running_sink

__all__ = ["campaign_id"]

RATE, WINDOW = 100, 20


def limit(uow: UnitOfWork, **told: str) -> None:
    with uow() as tx:
        pace_sender(tx, BUILT_IN, LimitsForm(**told), QuietHoursForm(), [])
        control.wake(tx)


@contextmanager
def stalls_of_this_process() -> Iterator[list[tuple[float, float]]]:
    """When a thread that sleeps five milliseconds woke late, and by how many seconds."""
    stalls: list[tuple[float, float]] = []
    end = threading.Event()

    def watch() -> None:
        before = time.monotonic()
        while not end.wait(0.005):
            at = time.monotonic()
            if at - before > 0.02:
                stalls.append((at, at - before))
            before = at

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield stalls
    finally:
        end.set()
        thread.join()


@pytest.mark.timeout(200)
def test_a_rate_is_exact_over_three_workers(
    campaign_id: int,
    uow: UnitOfWork,
    settings: Settings,
    session: Session,
    tmp_path: Path,
):
    """A hundred a second, within two of a hundred over seven seconds."""
    limit(uow, per_second=str(RATE))
    arrived: list[float] = []
    with (
        running_sink() as sink,
        stalls_of_this_process() as stalls,
        started(settings, sink, tmp_path, count=3, LISTMGR_WINDOW_SIZE="50"),
    ):
        sink.on_data = lambda _to: arrived.append(time.monotonic())
        stand = finished(session, campaign_id)
    everybody_once(sink.mails)
    assert stand.sent == PEOPLE
    # The first moments, in which workers start, and the last, in which leases run out, aside.
    steady = [at for at in arrived if arrived[0] + 1 <= at < arrived[0] + 8]
    assert len(steady) == pytest.approx(7 * RATE, rel=0.02)
    for begin in steady:
        inside = sum(begin <= at < begin + 1 for at in steady)
        # What came while this process was held up is seen at once when it goes on.
        late = max((length for at, length in stalls if begin - 1 <= at <= begin + 1), default=0.0)
        # What a worker could not send in time it catches up, a tenth of a second at most.
        assert inside <= RATE * (1.12 + late)


@pytest.mark.timeout(200)
def test_a_days_limit_is_exact_and_survives_the_loss_of_valkey(
    campaign_id: int, uow: UnitOfWork, settings: Settings, session: Session, tmp_path: Path
):
    limit(uow, per_day="300", per_second="200")
    bells = redis.Redis.from_url(settings.redis_url)
    told = {"LISTMGR_WINDOW_SIZE": str(WINDOW)}
    with running_sink() as sink, started(settings, sink, tmp_path, count=2, **told):
        wait_for(lambda: len(sink.mails) > 100)
        bells.flushall()

        def waits() -> bool:
            session.rollback()
            return session.get_one(Campaign, campaign_id, populate_existing=True).waits_for == "day"

        wait_for(waits)
        time.sleep(2)
        # What two workers had under way while nothing was known, and no more.
        assert 300 <= len(sink.mails) <= 300 + 2 * WINDOW
        limit(uow)
        finished(session, campaign_id)
    everybody_once(sink.mails)


@pytest.mark.timeout(200)
def test_no_mail_begins_a_second_after_the_commit_of_a_pause(
    campaign_id: int, uow: UnitOfWork, settings: Settings, session: Session, tmp_path: Path
):
    """Again and again, at full speed and with a limit: DATA is timed at the server."""
    late: list[float] = []
    arrived: list[float] = []
    with running_sink() as sink, started(settings, sink, tmp_path, count=3):
        sink.on_data = lambda _to: arrived.append(time.monotonic())
        for share in (0.1, 0.3, 0.5, 0.7):
            limit(uow, per_second="150" if share < 0.4 else "")
            wait_for(lambda share=share: len(sink.mails) > PEOPLE * share)
            with uow() as tx:
                control.pause(tx, campaign_id)
            paused = time.monotonic()
            time.sleep(2.0)
            late += [at - paused for at in arrived if at > paused]
            with uow() as tx:
                control.resume(tx, campaign_id)
        finished(session, campaign_id)
    everybody_once(sink.mails)
    assert max(late, default=0.0) < 1.0


@pytest.mark.timeout(200)
def test_two_schedulers_lose_and_double_no_campaign(
    campaign_id: int, settings: Settings, session: Session, tmp_path: Path
):
    with running_sink() as sink, started(settings, sink, tmp_path, count=2) as workers:
        second = workers.start("scheduler")
        try:
            stand = finished(session, campaign_id)
        finally:
            second.kill()
            second.wait()
    everybody_once(sink.mails)
    assert (stand.sent, stand.uncertain, stand.remaining) == (PEOPLE, 0, 0)
    rings = session.scalar(sa.text("SELECT count(*) FROM scheduled_tasks"))
    assert rings


@pytest.mark.timeout(200)
def test_killed_workers_are_recovered_from_within_ninety_seconds(
    campaign_id: int, uow: UnitOfWork, settings: Settings, session: Session, tmp_path: Path
):
    """All workers and the jobs in their hands die at once; new ones go on with the usual lease."""
    limit(uow, per_second="100")
    usual = {"LISTMGR_LEASE_SECONDS": "60", "LISTMGR_WINDOW_SIZE": str(WINDOW)}
    with running_sink() as sink, started(settings, sink, tmp_path, count=2, **usual) as workers:
        wait_for(lambda: len(sink.mails) > 200)
        horses = workers.horses()
        for process in workers.workers:
            process.kill()
            process.wait()
        workers.kill(horses)
        killed, had = time.monotonic(), len(sink.mails)
        workers.workers = [
            workers.start("worker", f"--queues={queues}") for queues in workers.queues
        ]
        wait_for(lambda: len(sink.mails) > had + 2 * WINDOW, 90)
        limit(uow)
        stand = finished(session, campaign_id)
        took = time.monotonic() - killed
    assert took < 90
    assert stand.sent + stand.uncertain == PEOPLE
    assert stand.uncertain <= 2 * 2 * WINDOW
    assert len({to for to, _ in sink.mails}) == len(sink.mails)


@pytest.mark.timeout(100)
def test_a_worker_told_to_end_is_gone_in_ten_seconds_and_leaves_nothing_uncertain(
    campaign_id: int, uow: UnitOfWork, settings: Settings, session: Session, tmp_path: Path
):
    limit(uow, per_second="60")
    with running_sink() as sink, started(settings, sink, tmp_path, count=2) as workers:
        wait_for(lambda: len(sink.mails) > 60)
        begun = time.monotonic()
        for process in workers.workers:
            process.terminate()
        for process in workers.workers:
            assert process.wait(20) == 0
        assert time.monotonic() - begun < 10
        had = len(sink.mails)
        assert (
            session.scalar(sa.text("SELECT count(*) FROM deliveries WHERE status = 'sending'")) == 0
        )
        session.rollback()
        limit(uow)
        workers.workers = [
            workers.start("worker", f"--queues={queues}") for queues in ("mail", "send")
        ]
        stand = finished(session, campaign_id)
    assert had < PEOPLE
    everybody_once(sink.mails)
    assert stand.uncertain == 0
