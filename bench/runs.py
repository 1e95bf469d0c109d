"""How the sending benchmarks time a run: ours, other programs, and anything given by a command.

Not a benchmark itself.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from place import Place
from processes import cpu_seconds
from sinks import SmtpSink

OTHERS = Path(__file__).with_name("other_ways.py")


@dataclass(frozen=True)
class Taken:
    """One run: mails a second; CPU µs a mail of the sender, PostgreSQL and the sink.

    A peer's rate is from its first mail to its last; `whole` counts its start as well.
    """

    rate: float
    sender: float
    database: float
    sink: float
    whole: float = 0.0


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


def peer(command: str, sink: SmtpSink, count: int, postmaster: int) -> Taken:
    """Any program. Its start is no part of the rate: only what it sends after its first mail."""
    process: list[subprocess.Popen[bytes]] = []
    env = os.environ | {"BENCH_PORT": str(sink.port)}
    mails = sink.mails
    early, waited = 0, 0.0

    def begin() -> None:
        nonlocal early, waited
        begun = time.perf_counter()
        process.append(subprocess.Popen(command, shell=True, env=env))
        sink.wait(mails + 1, seconds=60)
        early, waited = sink.mails - mails, time.perf_counter() - begun

    try:
        taken = _timed(
            sink,
            count,
            begin,
            sender=lambda: cpu_seconds(*(one.pid for one in process)),
            database=lambda: cpu_seconds(postmaster) if postmaster else 0.0,
        )
        _let_end(process[0])
    finally:
        for one in process:
            one.terminate()
            one.wait()
    if sink.mails - mails != count:
        raise SystemExit(f"The peer sent {sink.mails - mails:,} mails, not {count:,}.")
    seconds = count / taken.rate - waited
    return replace(taken, rate=(count - early) / seconds, whole=taken.rate)


def _let_end(process: subprocess.Popen[bytes]) -> None:
    """What it does at its end is none of the next run's business."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)


def median(runs: list[Taken]) -> Taken:
    columns = zip(*(astuple(run) for run in runs), strict=True)
    return Taken(*(statistics.median(column) for column in columns))
