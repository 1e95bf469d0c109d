"""How the sending benchmarks time a run: ours, other programs, and anything given by a command.

Not a benchmark itself.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from place import Place
from processes import cpu_seconds
from sinks import SmtpSink

OTHERS = Path(__file__).with_name("other_ways.py")


@dataclass(frozen=True)
class Taken:
    """One run: mails a second; CPU µs a mail of the sender, PostgreSQL and the sink."""

    rate: float
    sender: float
    database: float
    sink: float


def ours(at: Place, sink: SmtpSink, count: int, workers: int, **env: str) -> Taken:
    """A campaign from the bell to the last mail; `env` is told to the workers."""
    campaign_id = at.campaign()
    at.launch(campaign_id)
    with at.workers(workers, sink, **env) as pids:
        taken = _timed(
            sink,
            count,
            lambda: at.ring(campaign_id),
            sender=lambda: cpu_seconds(*pids),
            database=lambda: cpu_seconds(at.postmaster),
        )
        # What was taken last is recorded a moment later.
        end = time.monotonic() + 10
        while at.counts(campaign_id).get("sending") and time.monotonic() < end:
            time.sleep(0.1)
    found = at.counts(campaign_id)
    if found != {"sent": count}:
        raise SystemExit(f"Of {count:,} deliveries: {found}")
    at.forget(campaign_id)
    at.settle()
    return taken


def _timed(
    sink: SmtpSink,
    count: int,
    begin: Callable[[], object],
    *,
    sender: Callable[[], float],
    database: Callable[[], float] = float,
) -> Taken:
    mails = sink.mails
    before = [sender(), database(), sink.cpu]
    begun = time.perf_counter()
    begin()
    sink.wait(mails + count)
    seconds = time.perf_counter() - begun
    spent = [now - then for now, then in zip([sender(), database(), sink.cpu], before, strict=True)]
    return Taken(count / seconds, *(1e6 * one / count for one in spent))


def other(way: str, sink: SmtpSink, count: int) -> Taken:
    """Another program; it tells its CPU seconds and how long it took on its last line."""
    mails, cpu = sink.mails, sink.cpu
    argv = [sys.executable, str(OTHERS), way, str(sink.port), str(count)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True)
    seconds, spent = (float(word) for word in told.stdout.split()[-2:])
    if sink.mails - mails != count:
        raise SystemExit(f"{way}: {sink.mails - mails:,} of {count:,} mails came.")
    return Taken(count / seconds, 1e6 * spent / count, 0.0, 1e6 * (sink.cpu - cpu) / count)


def peer(command: str, sink: SmtpSink, count: int) -> Taken:
    """Any program: from its start to the last mail it was to send."""
    process: list[subprocess.Popen[bytes]] = []
    env = os.environ | {"LISTMGR_BENCH_PORT": str(sink.port)}
    try:
        return _timed(
            sink,
            count,
            lambda: process.append(subprocess.Popen(command, shell=True, env=env)),
            sender=lambda: cpu_seconds(*(one.pid for one in process)),
        )
    finally:
        for one in process:
            one.terminate()
            one.wait()


def median(runs: list[Taken]) -> Taken:
    columns = zip(*((r.rate, r.sender, r.database, r.sink) for r in runs), strict=True)
    return Taken(*(statistics.median(column) for column in columns))
