"""A worker is killed between taking a job and beginning it: the job is rung for once more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from rq import Queue
from rq.job import Job as QueuedJob
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.delivery.sweep import slice_job
from listmgr.kit.clock import now
from listmgr.kit.queue import QUEUES, Job, enqueue
from tests.conftest import UnitOfWork
from tests.factories import (
    launched,
    make_list,
)
from tests.journeys.test_stops import finished
from tests.journeys.workers import keys, started
from tests.many_subscribers import make_crowd
from tests.sink import running_sink

PEOPLE = 20
# A real worker, but for the moment of its death.
DYING = """
import os, signal, sys
from listmgr.cli.worker import run_worker
from listmgr.runtime.workers import SteadyWorker

SteadyWorker.execute_job = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run_worker(queues=sys.argv[1:])
"""


@pytest.mark.timeout(100)
@pytest.mark.parametrize("victim", ["send_slice", "sweep_campaigns"])
def test_m16_what_a_dying_worker_took_is_done_by_another(
    victim: str,
    uow: UnitOfWork,
    superuser: sa.Engine,
    settings: Settings,
    session: Session,
    tmp_path: Path,
):
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, PEOPLE, 0)
    campaign_id = launched(uow, notice.purpose_id, at=now())
    sweep = Job("sweep_campaigns", queue="mail", key="sweep-campaigns")
    taken = slice_job(campaign_id, 0, 0) if victim == "send_slice" else sweep
    bells = redis.Redis.from_url(settings.redis_url)
    assert enqueue(bells, [taken]) == 1
    env = os.environ | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "LISTMGR_DATA_DIR": str(tmp_path),
        **keys(settings),
    }
    died = subprocess.run(
        [sys.executable, "-c", DYING, taken.queue], env=env, check=False, timeout=60
    )
    assert died.returncode == -signal.SIGKILL
    # The key is taken, and nothing will ever come of it.
    assert QueuedJob.exists(str(taken.key), connection=bells)
    assert [Queue(name, connection=bells).count for name in QUEUES] == [0, 0, 0]
    # One chain alone: no other slice can do what the lost one should have done.
    one = {"LISTMGR_SEND_SLOTS": "1"}
    with running_sink() as sink, started(settings, sink, tmp_path, count=1, **one):
        stand = finished(session, campaign_id)
    assert (stand.sent, stand.uncertain, stand.remaining) == (PEOPLE, 0, 0)
    assert len({to for to, _mail in sink.mails}) == len(sink.mails) == PEOPLE
