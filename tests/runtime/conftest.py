"""Our own commands as processes, over the servers of the tests."""

from __future__ import annotations

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

from listmgr.runtime.process import spawn, stop
from tests.journeys.workers import keys


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
