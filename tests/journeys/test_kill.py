"""Workers are killed, stopped and suspended at random, while a campaign goes out."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery.launch import launch
from listmgr.delivery.reports.progress import (
    Progress,
    progress,
)
from listmgr.kit.clock import now
from listmgr.schema import resource
from tests.conftest import UnitOfWork
from tests.factories import make_list
from tests.journeys.suspended import SuspendedClock
from tests.journeys.workers import Workers, started
from tests.many_subscribers import make_crowd
from tests.sink import running_sink

OTHERS = 500


@dataclass(frozen=True)
class Course:
    """How many people and workers, what they are told, how long until the next kill, how many."""

    people: int
    workers: int
    window: int
    rate: int
    pause: tuple[float, float]
    kills: int


# Beside the kills: all workers sleep, and some of those they were about to mail withdraw.
KILLS_BETWEEN_STALLS = 7
STOPPED_SECONDS, SUSPENDED_SECONDS = 1.2, 10.0
SLOW = Course(2500, 3, 10, 90, (0.05, 0.35), 20)
# No rate: as fast as the server takes them.
FULL_SPEED = Course(12_000, 4, 40, 0, (0.02, 0.2), 50)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("course", [SLOW, FULL_SPEED], ids=["slow", "full speed"])
def test_m16_kills_lose_nobody_mail_nobody_twice_and_nobody_without_consent(
    uow: UnitOfWork,
    superuser: sa.Engine,
    settings: Settings,
    session: Session,
    tmp_path: Path,
    course: Course,
):
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, course.people, OTHERS)
    with uow() as tx:
        draft = compose.Draft("Kill", notice.purpose_id, "Hallo {{ first_name }}", body="Hallo!")
        campaign_id = compose.create(tx, draft, operator_id=None, at=now()).id
    with uow() as tx:
        tx.settings = replace(settings, lease_size=50)
        launch(tx, campaign_id, templates=resource("templates"), at=now())
    chance, killed, left = random.Random(), 0, {}
    queue = redis.Redis.from_url(settings.redis_url)
    told = {"LISTMGR_WINDOW_SIZE": str(course.window), "LISTMGR_SEND_RATE": str(course.rate)}
    clock = SuspendedClock(tmp_path)
    stalls: list[dict[str, float]] = []
    with (
        running_sink() as sink,
        started(settings, sink, tmp_path, count=course.workers, **told, **clock.env) as workers,
    ):
        arrived: dict[str, float] = {}
        sink.on_data = lambda to: arrived.setdefault(to, time.time())  # type: ignore[assignment,return-value]
        end = time.monotonic() + 300
        while time.monotonic() < end:
            time.sleep(chance.uniform(*course.pause))
            if killed < course.kills and sink.mails:
                killed += workers.kill_one(chance)
                if killed // KILLS_BETWEEN_STALLS > len(stalls):
                    asleep = _stall(workers, superuser, clock, suspended=len(stalls) % 2 == 1)
                    stalls.append(asleep)
                    left |= asleep
                if killed % 10 == 0:
                    queue.flushall()
                    number = course.people - len(left)
                    _withdraw(superuser, number)
                    left[f"p{number}@crowd.example"] = time.time()
            session.expire_all()
            if session.get_one(Campaign, campaign_id).status is CampaignStatus.FINISHED:
                break
            session.rollback()
    found = progress(session, campaign_id)
    log = (tmp_path / "log").read_text()[-3000:]
    assert session.get_one(Campaign, campaign_id).status is CampaignStatus.FINISHED, (found, log)
    assert killed >= course.kills, found
    late = [to for to, at in left.items() if arrived.get(to, 0) > at + 1.5]
    assert late == [], "mailed later than a window after the withdrawal"
    assert len(stalls) == course.kills // KILLS_BETWEEN_STALLS
    woken = {to: at for asleep in stalls for to, at in asleep.items()}
    mailed = [to for to, at in woken.items() if arrived.get(to, 0) > at]
    assert mailed == [], "mailed by a worker that had slept over the withdrawal"
    got = Counter(to for to, _ in sink.mails)
    uncertain = _everybody_is_accounted_for(session, got, set(left), course, found)
    assert uncertain <= killed * course.window * 2


def _everybody_is_accounted_for(
    session: Session, got: Counter[str], left: set[str], course: Course, found: Progress
) -> int:
    """What came, what the rows say and what the counters say agree; how many are uncertain."""
    may = {f"p{n}@crowd.example" for n in range(1, course.people + 1)}
    assert set(got) <= may, "somebody without a consent was mailed"
    assert max(got.values()) == 1, "somebody was mailed twice"
    rows = dict(
        session.execute(
            sa.text(
                "SELECT s.address, d.status FROM deliveries d"
                " JOIN subscribers s ON s.id = d.subscriber_id"
            )
        ).all()
    )
    assert set(rows) | left == may, "somebody was lost"
    sent = {to for to, status in rows.items() if status == "sent"}
    uncertain = {to for to, status in rows.items() if status == "uncertain"}
    # Put off when a worker woke, and held back by the gate afterwards.
    held_back = {to for to, status in rows.items() if status == "failed"}
    assert held_back <= left - set(got)
    assert sent | uncertain | held_back == set(rows)
    assert sent <= set(got), "said to be sent, and never arrived"
    assert set(got) - sent <= uncertain
    assert (found.sent, found.uncertain, found.remaining) == (len(sent), len(uncertain), 0)
    return len(uncertain)


def _stall(
    workers: Workers, superuser: sa.Engine, clock: SuspendedClock, *, suspended: bool
) -> dict[str, float]:
    """All workers sleep and wake; who withdrew meanwhile, and when the workers woke.

    `suspended` shows on the clock only, as when the machine itself had slept.
    """
    parents = [worker.pid for worker in workers.workers]
    workers.signal_all(parents, signal.SIGSTOP)
    asleep = parents + workers.horses()
    workers.signal_all(asleep, signal.SIGSTOP)
    # What has left arrives.
    time.sleep(0.4)
    with superuser.connect() as connection:
        about_to = connection.scalars(
            sa.text(
                "SELECT subscriber_id FROM deliveries WHERE status = 'sending'"
                " ORDER BY begun_at DESC, subscriber_id DESC LIMIT 8"
            )
        ).all()
    for number in about_to:
        _withdraw(superuser, number)
    if suspended:
        clock.pass_by(SUSPENDED_SECONDS)
    else:
        time.sleep(STOPPED_SECONDS)
    woke = time.time()
    workers.signal_all(asleep, signal.SIGCONT)
    return {f"p{number}@crowd.example": woke for number in about_to}


def _withdraw(superuser: sa.Engine, number: int) -> None:
    with superuser.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            sa.text(
                "UPDATE consents SET status = 'withdrawn', ended_at = now()"
                " WHERE subscriber_id = :n"
            ),
            {"n": number},
        )
