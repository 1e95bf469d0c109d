"""The embedded servers: fast, private, durable, and gone when their owner is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from listmgr.config import database_url, redis_url
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.servers import EmbeddedServers


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="a house with spaces ") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def psycopg_url(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


def test_a_second_start_finds_what_the_first_kept(folder):
    with EmbeddedServers(folder) as house:
        with psycopg.connect(psycopg_url(house.superuser_url)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with redis.Redis.from_url(house.redis_url) as store:
            store.set("kept", 42)
        assert house.healthy()
    with EmbeddedServers(folder) as house:
        with psycopg.connect(psycopg_url(house.superuser_url)) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with redis.Redis.from_url(house.redis_url) as store:
            assert store.get("kept") == b"42"


def test_a_second_house_on_the_same_folder_is_refused(folder):
    with EmbeddedServers(folder), pytest.raises(RuntimeFailure, match="already runs"):
        EmbeddedServers(folder).__enter__()


def test_servers_of_the_users_own_are_used_and_nothing_starts(folder):
    with EmbeddedServers(folder, database="postgres://db/x", queue="valkey://q/0") as house:
        assert house.database_url == "postgresql+psycopg://db/x"
        assert house.redis_url == "redis://q/0"
    assert list(folder.iterdir()) == []


def test_url_spellings():
    assert database_url("postgresql://a/b") == "postgresql+psycopg://a/b"
    assert database_url("postgresql+psycopg://a/b") == "postgresql+psycopg://a/b"
    assert redis_url("valkeys://a/0") == "rediss://a/0"


OWNER = """
import sys, time
from pathlib import Path
from listmgr.runtime.servers import EmbeddedServers
with EmbeddedServers(Path(sys.argv[1])) as house:
    print("ready", flush=True)
    time.sleep(60)
"""


def servers_of(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command and b"-c\0import sys" not in command:
            found.append(int(entry.parent.name))
    return found


def test_a_killed_owner_leaves_no_server_and_loses_nothing(folder):
    owner = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", OWNER, str(folder)], stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"ready\n"
    assert len(servers_of(folder)) == 2
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    until = time.monotonic() + 20
    while servers_of(folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert servers_of(folder) == []
    with EmbeddedServers(folder) as house:
        assert house.healthy()


def test_d01_a_redis_server_that_is_installed_later_changes_nothing(folder, monkeypatch):
    """Debian's Redis 7 cannot read what Valkey 9 has kept."""
    with EmbeddedServers(folder, database="postgres://none") as house:
        with redis.Redis.from_url(house.redis_url) as store:
            store.set("kept", 42)
    programs = folder / "bin"
    programs.mkdir()
    for name in ("redis-server", "valkey-server"):
        (programs / name).write_text(f"#!/bin/sh\ntouch '{folder}/foreign'\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with EmbeddedServers(folder, database="postgres://none") as house:
        with redis.Redis.from_url(house.redis_url) as store:
            assert store.get("kept") == b"42"
    assert not (folder / "foreign").exists()
