"""Our own commands as processes, over the servers of the tests."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from listmgr.runtime.ports import free_port
from listmgr.runtime.process import spawn, stop
from tests.journeys.workers import keys

HOST = "news.example.org"


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def valkey(engine: sa.Engine, settings) -> redis.Redis:
    return redis.Redis.from_url(settings.redis_url)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(engine: sa.Engine, settings, log: Path, tmp_path: Path) -> Iterator[Callable]:
    """Start `listmgr ...`; it ends with the test."""
    env = os.environ | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "LISTMGR_DATA_DIR": str(tmp_path),
        **keys(settings),
    }
    with ExitStack() as stack:

        def run(*argv: str) -> subprocess.Popen[bytes]:
            process = spawn([sys.executable, "-m", "listmgr", *argv], log=log, env=env, drop=False)
            stack.callback(stop, process, signal.SIGTERM, 15)
            return process

        yield run


@pytest.fixture
def site_environment() -> dict[str, str]:
    """What `site` is told beside the servers and keys."""
    return {}


@pytest.fixture
def site(settings, engine, tmp_path: Path, site_environment) -> Iterator[int]:
    """The port of one web process, as `listmgr up` runs it; its log is web.log."""
    port = free_port()
    env = os.environ | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "LISTMGR_DATA_DIR": str(tmp_path),
        **keys(settings),
        "LISTMGR_BASE_URL": settings.base_url,
        "LISTMGR_WEB_PROCESSES": "1",
        **site_environment,
    }
    argv = [sys.executable, "-m", "gunicorn", "listmgr.app:create_app()"]
    argv += ["--config=python:listmgr.runtime.gunicorn_config", f"--bind=127.0.0.1:{port}"]
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None, (tmp_path / "web.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        assert process.wait(30) == 0


def ask(port: int, method: str, path: str, timeout: float = 10) -> tuple[int, float]:
    """The status of the answer, and the seconds it took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    body = "List-Unsubscribe=One-Click" if method == "POST" else None
    headers = {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began
    finally:
        connection.close()


def answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/health/live")[0] == 200
    except (OSError, http.client.HTTPException):
        return False
