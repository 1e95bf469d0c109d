"""Worker and scheduler processes over a Valkey in which anything may stand."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, Signup
from listmgr.consent.signup import SignupContent, receive
from listmgr.kit.clock import now
from listmgr.kit.queue import Job, enqueue
from listmgr.lists.models import SignupForm
from listmgr.runtime.forked_commands import name_connections
from tests.factories import (
    launched,
    make_list,
    make_subscriber,
)
from tests.journeys.workers import keys
from tests.many_subscribers import make_crowd
from tests.runtime.conftest import ask, wait_until
from tests.runtime.pgbouncers import needs_pgbouncer, pgbouncer


def put(connection: redis.Redis, job_id: str, data: bytes, queue: str = "mail", **more) -> None:
    """A job as a stranger writes it who can reach Valkey."""
    fields = {
        "data": zlib.compress(data),
        "status": "queued",
        "timeout": 180,
        "origin": queue,
        "created_at": "2026-12-01T00:00:00.000000Z",
    }
    connection.hset(f"rq:job:{job_id}", mapping=fields | more)
    connection.rpush(f"rq:queue:{queue}", job_id)


def call(name: str, *args: object) -> bytes:
    return json.dumps([name, None, list(args), {}]).encode()


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def done(connection: redis.Redis, job: Job) -> bool:
    return not connection.exists(f"rq:job:{job.key}")


@pytest.mark.parametrize("queue", ["mail", "work"])
def test_s09_the_queue_runs_registered_jobs_only(valkey, start, log, tmp_path, queue):
    """Whoever can write to Valkey, and has its password, runs nothing of their own."""
    mark = tmp_path / "ran"
    touch = f"touch '{mark}'"
    put(valkey, "system", call("os.system", touch), queue)
    put(valkey, "dotted", call("listmgr.jobs.campaigns.os.system", touch), queue)
    put(valkey, "module", call("listmgr.runtime.process.os.system", touch), queue)
    put(valkey, "bare", call("sweep_signups"), queue)
    put(valkey, "pickled", pickle.dumps(Touch(mark)), queue)
    put(valkey, "pickled-args", pickle.dumps(("listmgr.jobs.sweep_signups", None, (), {})), queue)
    put(valkey, "nested", call("listmgr.jobs.sweep_signups", {"a": [touch]}), queue)
    put(valkey, "endless", call("listmgr.jobs.sweep_signups"), queue, timeout=-1)
    put(valkey, "huge", call("listmgr.jobs.sweep_signups", os.urandom(9000).hex()), queue)
    put(
        valkey,
        "callbacks",
        call("listmgr.jobs.sweep_signups"),
        queue,
        success_callback_name="os.system",
        failure_callback_name="os.system",
        webhooks=json.dumps([{"url": "http://127.0.0.1:9/", "statuses": ["finished"]}]),
    )
    valkey.rpush(f"rq:queue:{queue}", b"\xff\xfe", "no such job", "with:colon")
    valkey.set("rq:job:string", "x")
    valkey.rpush(f"rq:queue:{queue}", "string")
    process = start("worker", f"--queues={queue}")
    own = Job("expire_consents", queue=queue, key="own")
    assert enqueue(valkey, [own]) == 1
    wait_until(lambda: done(valkey, own))
    assert process.poll() is None
    assert not mark.exists()
    assert valkey.llen(f"rq:queue:{queue}") == 0
    assert list(valkey.scan_iter("rq:job:*")) == []
    written = log.read_text()
    assert written.count("no job of ours") == 11
    for content in ("touch", "os.system", "pickled", "Traceback"):
        assert content not in written


def lock(engine: sa.Engine) -> sa.Connection:
    """Hold every job that looks at sign-ups until the transaction ends."""
    connection = engine.connect()
    connection.execute(sa.text("LOCK TABLE signups IN ACCESS EXCLUSIVE MODE"))
    return connection


@pytest.mark.parametrize("queue", ["mail", "work"])
def test_f02_a_worker_killed_in_a_job_takes_nobody_along(engine, valkey, start, log, queue):
    """A minute later its key was half gone, which ended the scheduler and `listmgr up`."""
    job = Job("sweep_signups", queue=queue, key="sweep-signups")
    with lock(engine):
        worker = start("worker", f"--queues={queue}")
        assert enqueue(valkey, [job]) == 1
        wait_until(lambda: valkey.hget("rq:job:sweep-signups", "status") == b"started")
        worker.kill()
        worker.wait()
    # Its run lives a little, the entry of it a minute longer.
    (run,) = valkey.keys("rq:execution:sweep-signups:*")
    assert 0 < valkey.ttl(run) < valkey.ttl("rq:executions:sweep-signups")
    assert enqueue(valkey, [job]) == 0
    valkey.pexpire(run, 1)
    wait_until(lambda: not valkey.exists(run))
    assert enqueue(valkey, [job, Job("sweep_cards", queue=queue, key="sweep-cards")]) == 2
    start("worker", f"--queues={queue}")
    wait_until(lambda: done(valkey, job))
    assert "Traceback" not in log.read_text()


def test_f12_a_job_that_loses_a_deadlock_runs_again(superuser, uow, valkey, start):
    with uow() as tx:
        notice = make_list(tx)[2]
        make_subscriber(tx, "anna@example.com", now())
        form = SignupForm(slug="news", title_de="Post", title_en="Mail")
        tx.session.add(form)
        tx.session.flush()
        content = SignupContent("anna@example.com", (notice.id,), "de", "https://x.example/s/news")
        receive(tx, form_id=form.id, content=content, at=now())
        (job,) = tx.jobs
        tx.jobs = []
    with (
        superuser.connect() as gate,
        superuser.connect() as other,
        ThreadPoolExecutor(1) as thread,
    ):
        gate.execute(sa.text("LOCK TABLE notices"))
        # It never looks for a deadlock itself, so that the job does, and loses.
        other.execute(sa.text("SET LOCAL deadlock_timeout = '10min'"))
        other.execute(sa.text("SELECT FROM subscribers FOR UPDATE"))
        worker = start("worker", "--burst", "--queues=mail")
        enqueue(valkey, [job])
        wait_until(lambda: _lock_waits(superuser) == 1)
        # The job holds the sign-up by now, and is let on to the person.
        waiting = thread.submit(other.execute, sa.text("SELECT FROM signups FOR UPDATE"))
        wait_until(lambda: _lock_waits(superuser) == 2)
        gate.rollback()
        waiting.result(60).close()
        other.rollback()
    worker.wait(60)
    assert not valkey.zcard("rq:failed:mail")
    with uow() as tx:
        assert tx.session.scalars(sa.select(Signup)).all() == []
        assert tx.session.scalars(sa.select(Consent.status)).all() == [ConsentStatus.PENDING]


def _lock_waits(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted"))


SPOIL: list[Callable[[redis.Redis], object]] = [
    lambda valkey: valkey.flushall(),
    *(
        lambda valkey, key=key: (valkey.delete(key), valkey.set(key, "x"))
        for key in (
            "rq:queue:mail",
            "rq:wip:mail",
            "rq:failed:mail",
            "rq:queues",
            "rq:workers",
            "rq:workers:mail",
            "rq:suspended",
            "rq:job:sweep-campaigns",
            "rq:executions:sweep-campaigns",
        )
    ),
    lambda valkey: (
        valkey.delete("rq:job:sweep-campaigns"),
        valkey.lpush("rq:job:sweep-campaigns", 1),
    ),
    lambda valkey: valkey.zadd("rq:wip:mail", {b"\xff:\xff": 1, "none": 2, "sweep-campaigns:x": 3}),
    lambda valkey: valkey.client_kill_filter(_type="normal", skipme=True),
    lambda valkey: valkey.script_flush(),
]


def test_f02_a_scheduler_and_a_worker_outlive_any_state_of_valkey(
    superuser, uow, valkey, start, log
):
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, 1, 0)
    # It is swept every two seconds, and nobody sends it.
    launched(uow, notice.purpose_id, at=now())
    both = [start("scheduler"), start("worker", "--queues=mail")]
    for spoil in SPOIL:
        with suppress(redis.ConnectionError):
            spoil(valkey)
        time.sleep(1)
        assert [process.poll() for process in both] == [None, None]
    valkey.flushall()
    own = Job("expire_consents", queue="mail", key="own")
    wait_until(lambda: enqueue(valkey, [own]) == 1)
    wait_until(lambda: done(valkey, own))
    assert [process.poll() for process in both] == [None, None]
    assert "Traceback" not in log.read_text()


def test_d11_a_job_says_goodbye_to_postgresql_and_each_process_has_a_name(
    superuser, house, valkey, start, site
):
    """Each job left "could not receive data from client" in PostgreSQL's log."""
    log = next(server for server in house.servers if server.name == "postgres")._log
    begins = len(log.read_bytes())
    start("worker", "--queues=work")
    start("worker", "--queues=mail")
    start("scheduler")
    assert ask(site, "GET", "/")[0] == 200
    with superuser.connect() as watching:
        names: set[str] = set()

        def seen() -> bool:
            names.update(
                watching.execute(sa.text("SELECT application_name FROM pg_stat_activity")).scalars()
            )
            watching.rollback()
            parts = {"worker work", "worker mail", "scheduler", "web"}
            return {f"listmgr {part}" for part in parts} <= names

        with lock(superuser):
            for queue in ("mail", "work"):
                enqueue(valkey, [Job("sweep_signups", queue=queue, key=f"held-{queue}")])
            wait_until(seen)
    jobs = [Job("expire_consents", key=f"job-{number}") for number in range(5)]
    enqueue(valkey, jobs)
    wait_until(lambda: all(done(valkey, job) for job in jobs))
    assert b"could not receive data" not in log.read_bytes()[begins:]


def test_d11_a_part_has_its_own_name_and_an_operators_choice_stays(monkeypatch):
    monkeypatch.delenv("PGAPPNAME", raising=False)
    for name in ("up", "worker mail"):
        name_connections(name)
        assert os.environ["PGAPPNAME"] == f"listmgr {name}"
    monkeypatch.setenv("PGAPPNAME", "newsletter of the town")
    name_connections("web")
    assert os.environ["PGAPPNAME"] == "newsletter of the town"


WEB = ["gunicorn", "listmgr.app:create_app()", "--bind=127.0.0.1:0"]
WEB.append("--config=python:listmgr.runtime.gunicorn_config")
WRONG = {
    "Valkey's password": ("REDIS_URL", "redis://:wrong@{valkey}/0"),
    "Valkey's scheme": ("REDIS_URL", "http://127.0.0.1/"),
    "PostgreSQL's password": ("DATABASE_URL", "postgresql://listmgr_app:wrong@{guarded}/listmgr"),
    "PostgreSQL's scheme": ("DATABASE_URL", "mysql://127.0.0.1/nowhere"),
    "SMTP's scheme": ("LISTMGR_SMTP_URL", "http://127.0.0.1/"),
    "SMTP's port": ("LISTMGR_SMTP_URL", "smtp://someone:wrong@127.0.0.1:99999"),
}
AWAY = {
    "Valkey": ("REDIS_URL", "redis://:wrong@127.0.0.1:1/0"),
    "Valkey's TLS": ("REDIS_URL", "rediss://{valkey}/0"),
    "PostgreSQL": ("DATABASE_URL", "postgresql://nobody:wrong@127.0.0.1:1/nowhere"),
}


@pytest.fixture
def refusing(settings, tmp_path: Path) -> Callable[[str], str]:
    """Fill in where Valkey is, and a PostgreSQL that wants another password than `wrong`."""
    valkey = settings.redis_url.rpartition("@")[2].removesuffix("/0")
    with ExitStack() as stack:

        def fill_in(value: str) -> str:
            guarded = ""
            if "{guarded}" in value:
                database, users = "host=127.0.0.1 port=1", '"listmgr_app" "right"'
                guarded = stack.enter_context(pgbouncer(database, "auth_type = plain", users=users))
            return value.format(valkey=valkey, guarded=guarded)

        yield fill_in


def ended(settings, tmp_path: Path, argv: list[str], name: str, value: str):
    """How a process ends that is told this."""
    env = os.environ | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "LISTMGR_DATA_DIR": str(tmp_path),
        **keys(settings),
        name: value,
    }
    argv = [sys.executable, "-m", *argv]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


def one_sentence(process, name: str) -> None:
    said = process.stdout + process.stderr
    assert len(said.strip().splitlines()) == 1, said
    assert said.strip().startswith(f"Error: {name}")
    assert "wrong" not in said


@needs_pgbouncer
@pytest.mark.parametrize("argv", [["listmgr", "worker"], WEB], ids=["worker", "web"])
@pytest.mark.parametrize("wrong", WRONG)
def test_d13_a_wrong_address_is_one_sentence(settings, tmp_path, refusing, argv, wrong):
    name, value = WRONG[wrong]
    process = ended(settings, tmp_path, argv, name, refusing(value))
    assert process.returncode == (3 if argv is WEB and "password" in wrong else 1)
    one_sentence(process, name)


@pytest.mark.parametrize(
    ("command", "away"),
    [("scheduler", "PostgreSQL"), *(("worker", away) for away in AWAY)],
)
def test_d13_a_server_that_is_away_is_one_sentence(settings, tmp_path, refusing, command, away):
    name, value = AWAY[away]
    process = ended(settings, tmp_path, ["listmgr", command], name, refusing(value))
    assert process.returncode == 1
    one_sentence(process, name)


@pytest.mark.parametrize("site_environment", [dict([AWAY["Valkey"], AWAY["PostgreSQL"]])])
def test_d13_pages_wait_for_servers_that_are_away(site, tmp_path):
    assert ask(site, "GET", "/health/ready")[0] == 503
    said = (tmp_path / "web.log").read_text()
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert [line.split(": ")[1] for line in errors] == ["DATABASE_URL", "REDIS_URL"]
    assert "Traceback" not in said
    assert "wrong" not in said
