"""The supervisor: what keeps dying is tried ever more slowly, and everything else lives."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from listmgr.runtime import supervisor as supervising
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.supervisor import Program, Supervisor


def live(path: Path) -> Callable[[], None]:
    def run() -> None:
        with path.open("a") as file:
            file.write(f"{os.getpid()} {os.environ['TOLD']}\n")
        signal.pause()

    return run


def die(path: Path, code: int = 3) -> Callable[[], None]:
    def run() -> None:
        with path.open("a") as file:
            file.write("x")
        sys.exit(code)

    return run


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the account of the programs may write, which `tmp_path` of root is not."""
    with tempfile.TemporaryDirectory(prefix="listmgr supervisor ") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def look_for(supervisor: Supervisor, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        supervisor.look()
        time.sleep(0.01)


def test_f02_a_part_that_keeps_dying_is_tried_ever_more_slowly_and_the_rest_lives(folder: Path):
    """Five deaths within half a minute ended `listmgr up`, and with it the site."""
    said: list[str] = []
    log, deaths, lives = (folder / name for name in ("log", "deaths", "lives"))
    env = {"TOLD": "by the environment"}
    supervisor = Supervisor(
        [[Program("lives", live(lives), env, log), Program("dies", die(deaths), env, log)]],
        [],
        said.append,
    )
    supervisor.start()
    try:
        look_for(supervisor, 7)
        # After 0.2, 0.4, 0.8, 1.6 and 3.2 seconds.
        assert 4 <= len(deaths.read_text()) <= 6
        assert len(lives.read_text().splitlines()) == 1
        assert len(said) == len(deaths.read_text())
        (line,) = lives.read_text().splitlines()
        pid, told = line.split(" ", 1)
        assert told == "by the environment"
        os.kill(int(pid), signal.SIGKILL)
        look_for(supervisor, 1)
        assert len(lives.read_text().splitlines()) == 2
    finally:
        supervisor.stop()
    assert all(not program.alive() for program in supervisor.programs)


def test_who_has_done_its_work_begins_anew_at_once_and_nobody_is_told(folder: Path):
    said: list[str] = []
    rounds = folder / "rounds"
    supervisor = Supervisor(
        [[Program("rounds", die(rounds, 0), {}, folder / "log")]], [], said.append
    )
    supervisor.start()
    # With the waits of what keeps dying, the sixth round would begin after 6.2 seconds.
    end = time.monotonic() + 5
    try:
        while time.monotonic() < end and not (rounds.exists() and len(rounds.read_text()) > 5):
            look_for(supervisor, 0.1)
    finally:
        supervisor.stop()
    assert len(rounds.read_text()) > 5
    assert said == []


class Broken:
    """A server that does not come any more."""

    def __init__(self, name: str) -> None:
        self.name, self.starts = name, 0

    def alive(self) -> bool:
        return False

    def start(self) -> None:
        self.starts += 1
        raise RuntimeFailure(f"{self.name} did not start")


def test_f02_without_valkey_the_rest_goes_on_and_without_postgresql_for_good_it_ends(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(supervising, "SHORTEST_WAIT", 0.01)
    monkeypatch.setattr(supervising, "LONGEST_WAIT", 0.02)
    said: list[str] = []
    valkey = Broken("valkey")
    look_for(Supervisor([], [valkey], said.append), 1)
    assert valkey.starts > supervising.FOR_GOOD
    with pytest.raises(RuntimeFailure, match="postgres does not start any more") as failure:
        look_for(Supervisor([], [Broken("postgres")], said.append), 5)
    assert "\n" not in str(failure.value)


def test_f02_a_signal_whose_exception_was_ignored_still_ends_it(monkeypatch):
    """Python ignores what a handler raises inside a finalizer: `up` then ran on for ever."""
    monkeypatch.setattr(supervising, "_stop_requested", False)
    with suppress(KeyboardInterrupt):
        supervising.request_stop(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        Supervisor([], [], print).watch()
