"""D5: a full, foreign or damaged disk ends the start in one sentence."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from listmgr.runtime import startup_errors
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.servers import EmbeddedServers


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="listmgr disks ") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own, as large as said."""
    where = folder / "disk"
    where.mkdir()
    size = f"size={megabytes}m,mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def start(folder: Path) -> str:
    """What is said instead of starting."""
    with pytest.raises(RuntimeFailure) as said, EmbeddedServers(folder):
        pass
    return str(said.value)


def test_d05_a_disk_that_is_too_small_is_told_before_anything_is_made(folder):
    with disk(folder, 50) as where:
        assert "has only" in start(where)
        assert not (where / "postgres" / "PG_VERSION").exists()


def test_d05_a_disk_that_is_full_is_told(folder, monkeypatch):
    monkeypatch.setattr(startup_errors, "LEAST_FREE", 0)
    with disk(folder, 45) as where:
        assert "The disk is full" in start(where)
        # What was begun is not taken for an installation afterwards.
        assert not (where / "postgres" / "PG_VERSION").exists()


def test_d05_another_file_system_than_the_programs_works(folder):
    with disk(folder, 500) as where, EmbeddedServers(where) as house:
        assert house.healthy()


def test_d05_a_file_in_place_of_a_folder_is_told(folder):
    (folder / "valkey").write_text("")
    said = start(folder)
    assert "cannot be used (" in said
    assert "--data-dir" in said


def test_d05_what_valkey_cannot_read_is_told(folder):
    with EmbeddedServers(folder, database="postgres://none") as house:
        with redis.Redis.from_url(house.redis_url) as store:
            store.set("kept", 42)
    (kept,) = (folder / "valkey" / "appendonlydir").glob("*.incr.aof")
    kept.write_bytes(b"*3\r\n$3\r\nSET\r\nnonsense\r\n" + kept.read_bytes())
    with pytest.raises(RuntimeFailure, match="delete the folder `valkey`"):
        EmbeddedServers(folder, database="postgres://none").__enter__()
