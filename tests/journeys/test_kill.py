"""Worker processes are killed at random, fifty times and more, while a campaign goes out."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery.launch import launch
from listmgr.delivery.progress import progress
from listmgr.kit.clock import now
from listmgr.schema import resource
from tests.conftest import UnitOfWork
from tests.crowd import make_crowd
from tests.people import make_list
from tests.sink import Sink, running_sink

PEOPLE, OTHERS, KILLS, WINDOW = 2500, 500, 50, 10


class Workers:
    """Real worker processes with a scheduler, as `listmgr up` starts them."""

    def __init__(self, settings: Settings, sink: Sink, folder: Path) -> None:
        self.folder = folder
        self.env = dict(os.environ) | {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "LISTMGR_DATA_DIR": str(folder),
            "LISTMGR_BASE_URL": settings.base_url,
            "LISTMGR_SMTP_URL": f"smtp://127.0.0.1:{sink.port}",
            "LISTMGR_LEASE_SECONDS": "2",
            "LISTMGR_WINDOW_SIZE": str(WINDOW),
            "LISTMGR_SEND_RATE": "90",
        }
        self.scheduler = self.start("scheduler")
        self.workers = [self.start("worker", "--queues=mail,send,work") for _ in range(3)]

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "listmgr", *argv],
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def horses(self) -> list[int]:
        """The children in which jobs run."""
        found = []
        for worker in self.workers:
            with suppress(OSError):
                children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text()
                found += [int(pid) for pid in children.split()]
        return found

    def kill_one(self, chance: random.Random) -> int:
        """Kill a work-horse, or now and then a whole worker with it; how many were killed."""
        horses = self.horses()
        if chance.random() < 0.1:
            number = chance.randrange(len(self.workers))
            victim = self.workers[number]
            for pid in (victim.pid, *horses):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            victim.wait()
            self.workers[number] = self.start("worker", "--queues=mail,send,work")
            return 1
        if not horses:
            return 0
        with suppress(ProcessLookupError):
            os.kill(chance.choice(horses), signal.SIGKILL)
            return 1
        return 0

    def end(self) -> None:
        for pid in self.horses():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def started(settings: Settings, sink: Sink, folder: Path) -> Iterator[Workers]:
    workers = Workers(settings, sink, folder)
    try:
        yield workers
    finally:
        workers.end()


@pytest.mark.timeout(400)
def test_m16_fifty_kills_lose_nobody_mail_nobody_twice_and_nobody_without_consent(
    uow: UnitOfWork, engine: sa.Engine, settings: Settings, session: Session, tmp_path: Path
):
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(engine, notice.id, PEOPLE, OTHERS)
    with uow() as tx:
        draft = compose.Draft("Kill", notice.purpose_id, "Hallo {{ first_name }}", body="Hallo!")
        campaign_id = compose.create(tx, draft, operator_id=None, at=now()).id
    with uow() as tx:
        tx.settings = replace(settings, lease_size=50)
        launch(tx, campaign_id, templates=resource("templates"), at=now())
    chance, killed, left = random.Random(), 0, {}
    queue = redis.Redis.from_url(settings.redis_url)
    with running_sink() as sink, started(settings, sink, tmp_path) as workers:
        arrived: dict[str, float] = {}
        sink.on_data = lambda to: arrived.setdefault(to, time.time())  # type: ignore[assignment,return-value]
        end = time.monotonic() + 300
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.05, 0.35))
            if killed < KILLS and sink.mails:
                killed += workers.kill_one(chance)
                if killed % 10 == 0:
                    queue.flushall()
                    number = PEOPLE - len(left)
                    _withdraw(engine, number)
                    left[f"p{number}@crowd.example"] = time.time()
            session.expire_all()
            if session.get_one(Campaign, campaign_id).status is CampaignStatus.FINISHED:
                break
            session.rollback()
    found = progress(session, campaign_id)
    log = (tmp_path / "log").read_text()[-3000:]
    assert session.get_one(Campaign, campaign_id).status is CampaignStatus.FINISHED, (found, log)
    assert killed >= KILLS, found
    got = Counter(to for to, _ in sink.mails)
    may = {f"p{n}@crowd.example" for n in range(1, PEOPLE + 1)}
    assert set(got) <= may, "somebody without a consent was mailed"
    assert max(got.values()) == 1, "somebody was mailed twice"
    late = [to for to, at in left.items() if arrived.get(to, 0) > at + 1.5]
    assert late == [], "mailed later than a window after the withdrawal"
    rows = dict(
        session.execute(
            sa.text(
                "SELECT s.address, d.status FROM deliveries d"
                " JOIN subscribers s ON s.id = d.subscriber_id"
            )
        ).all()
    )
    assert set(rows) | set(left) == may, "somebody was lost"
    sent = {to for to, status in rows.items() if status == "sent"}
    uncertain = {to for to, status in rows.items() if status == "uncertain"}
    assert sent | uncertain == set(rows)
    assert sent <= set(got), "said to be sent, and never arrived"
    assert set(got) - sent <= uncertain
    assert len(uncertain) <= killed * WINDOW * 2
    assert (found.sent, found.uncertain, found.remaining) == (len(sent), len(uncertain), 0)


def _withdraw(engine: sa.Engine, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            sa.text(
                "UPDATE consents SET status = 'withdrawn', ended_at = now()"
                " WHERE subscriber_id = :n"
            ),
            {"n": number},
        )
