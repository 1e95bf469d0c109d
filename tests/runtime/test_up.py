"""`listmgr up` as a newcomer runs it: everything answers, nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from listmgr.runtime.ports import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="listmgr up ") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def command(folder: Path, port: int, *more: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LISTMGR_")}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "listmgr",
            *(more or ("up",)),
            f"--port={port}",
            f"--data-dir={folder}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
    )


@contextmanager
def up(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A started installation and what it said."""
    process = command(folder, free_port(), *more)
    said = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        yield process, said
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        # Those it started end by themselves, a moment later, and write until then.
        wait_for_nobody(folder, 30)


def left_behind(folder: Path) -> dict[int, str]:
    """Processes that were told of the folder, by argument or by environment."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if str(folder).encode() in told and int(entry.name) != os.getpid():
                words = (entry / "cmdline").read_bytes().decode().replace("\0", " ")
                found[int(entry.name)] = words
    return found


def processes(folder: Path, named: str) -> list[int]:
    """Those of this installation alone: another test may run one of its own beside it."""
    return [process for process, words in left_behind(folder).items() if named in words]


def wait_for_nobody(folder: Path, seconds: float) -> dict[int, str]:
    end = time.monotonic() + seconds
    while (found := left_behind(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def address(said: str, name: str) -> str:
    found = re.search(rf"{name}\s+(\S+)", said)
    assert found, said
    return found[1]


def test_up_answers_restarts_what_dies_and_ends_in_order(folder: Path):
    with up(folder) as (process, said):
        site = address(said, "Site")
        assert get(f"{site}/health/live") == get(f"{site}/health/ready") == "ok"
        assert "/studio/first-run/" in address(said, "Studio")
        assert json.loads(get(f"{address(said, 'Mailbox')}/api/messages")) == []
        (mailbox,) = processes(folder, "listmgr mailbox")
        os.kill(mailbox, signal.SIGKILL)
        end = time.monotonic() + 10
        while processes(folder, "listmgr mailbox") in ([], [mailbox]):
            assert time.monotonic() < end
            time.sleep(0.1)
        second = command(folder, free_port())
        told, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert "already runs" in told
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert wait_for_nobody(folder, 2) == {}


def test_killed_without_warning_it_leaves_nothing_behind_and_finds_its_data_again(folder: Path):
    with up(folder) as (process, said):
        secret = (folder / "secrets" / "secret_key").read_text()
        assert left_behind(folder)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert wait_for_nobody(folder, 15) == {}
    with up(folder) as (process, said):
        assert get(f"{address(said, 'Site')}/health/ready") == "ok"
        assert (folder / "secrets" / "secret_key").read_text() == secret
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_port_in_use_is_told(folder: Path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = command(folder, taken.getsockname()[1])
        told, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "--port" in told


def test_the_demo_plays_its_whole_story(folder: Path):
    process = command(folder, free_port(), "demo", "--check")
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert re.search(r"mailed without consent\s+0\s+0\s+\S+\s+ok", told)
    assert " NO" not in told
