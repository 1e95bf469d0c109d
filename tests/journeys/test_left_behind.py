"""A run of the tests that is killed leaves no worker behind, and no host."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import time
from pathlib import Path

from listmgr.config import Settings
from tests.journeys.hosts import hosts, needs_hosts
from tests.journeys.workers import Workers
from tests.sink import running_sink


def run(settings: Settings, folder: Path) -> None:
    """As a test does it that never comes to its end."""
    with running_sink() as sink:
        workers = Workers(settings, sink, folder, count=2)
        pids = [process.pid for process in (workers.scheduler, *workers.workers)]
        draft = folder / "draft"
        draft.write_text(json.dumps(pids))
        draft.rename(folder / "pids")
        time.sleep(600)


def runs(pid: int) -> bool:
    """Whether it is there and no zombie that nobody asks for."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] != "Z"


def until(condition, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_workers_end_with_the_run_that_started_them(settings: Settings, tmp_path: Path):
    parent = multiprocessing.get_context("fork").Process(target=run, args=(settings, tmp_path))
    parent.start()
    told = tmp_path / "pids"
    assert until(told.exists)
    pids = json.loads(told.read_text())
    # As our worker's program, so that they have come through their start.
    assert until(
        lambda: all(b"listmgr" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
    )
    assert all(map(runs, pids))
    parent.kill()
    parent.join()
    assert until(lambda: not any(map(runs, pids)))


@needs_hosts
def test_hosts_of_a_run_that_was_killed_go_with_the_next_one():
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, others = f"lm{gone.pid}-0", f"lm{os.getpid()}-9"
    try:
        for name in (left, others):
            subprocess.run(["ip", "netns", "add", name], check=True)
        with hosts(1):
            there = subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True)
        names = {line.split()[0] for line in there.stdout.splitlines()}
        assert left not in names
        assert others in names
    finally:
        for name in (left, others):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
