"""Delivers a 42 kB newsletter with personal fields and ten links, beside other ways to do it.

    python bench/send.py [--quick] [--peer 'COMMAND' --peer-mails N]

Ours are real worker processes with everything on: leases, the gate before each window, durable
intent, outcomes, counters. PostgreSQL, workers and the sink share this machine. The ways take
turns, figures are medians. "blind" writes ready-made mails without waiting for answers: the limit
of the socket. A peer is told LISTMGR_BENCH_PORT and timed by the sink's count.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from place import Place, Sink, cpu_seconds, place

TARGET = {"CHUNKING": 60.0, "PIPELINING": 85.0}
OTHERS = Path(__file__).with_name("other_ways.py")


@dataclass(frozen=True)
class Taken:
    """One run: mails a second; CPU µs a mail of the sender, PostgreSQL and the sink."""

    rate: float
    sender: float
    database: float
    sink: float


def ours(at: Place, sink: Sink, count: int, workers: int) -> Taken:
    """A campaign from the bell to the last mail."""
    campaign_id = at.campaign()
    at.launch(campaign_id)
    with at.workers(workers, sink) as pids:
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
    sink: Sink,
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


def other(way: str, sink: Sink, count: int) -> Taken:
    """Another program; it tells its CPU seconds and how long it took on its last line."""
    mails, cpu = sink.mails, sink.cpu
    argv = [sys.executable, str(OTHERS), way, str(sink.port), str(count)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True)
    seconds, spent = (float(word) for word in told.stdout.split()[-2:])
    if sink.mails - mails != count:
        raise SystemExit(f"{way}: {sink.mails - mails:,} of {count:,} mails came.")
    return Taken(count / seconds, 1e6 * spent / count, 0.0, 1e6 * (sink.cpu - cpu) / count)


def peer(command: str, sink: Sink, count: int) -> Taken:
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


Runs = dict[str, list[Taken]]


def measure(options: argparse.Namespace) -> Runs:
    rounds, count = (3, 20_000) if options.quick else (5, 100_000)
    few = 300 if options.quick else 2_000
    taken: Runs = defaultdict(list)
    with place() as (at, start_sink):
        at.crowd(count, count // 10)
        sinks = {"CHUNKING": start_sink(), "PIPELINING": start_sink("-C")}
        for _ in range(rounds):
            for offer, sink in sinks.items():
                for workers in (1, 2):
                    name = f"ours, {workers} worker{'s' * (workers > 1)}, {offer}"
                    taken[name].append(ours(at, sink, count, workers))
            for way, offer in (("blind-bdat", "CHUNKING"), ("blind-data", "PIPELINING")):
                taken[f"blind writer, {offer}"].append(other(way, sinks[offer], count))
            for way in ("smtplib", "flask-mail"):
                taken[way].append(other(way, sinks["PIPELINING"], few))
            if options.peer:
                taken["peer"].append(peer(options.peer, sinks["CHUNKING"], options.peer_mails))
    return taken


def median(runs: list[Taken]) -> Taken:
    columns = zip(*((r.rate, r.sender, r.database, r.sink) for r in runs), strict=True)
    return Taken(*(statistics.median(column) for column in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--peer", help="a command that sends through LISTMGR_BENCH_PORT")
    parser.add_argument("--peer-mails", type=int, default=1000, help="how many it sends")
    taken = measure(parser.parse_args())
    found = {name: median(runs) for name, runs in taken.items()}
    base = found["smtplib"].rate
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, medians of alternating runs"
    )
    print("PostgreSQL, workers and sink on this machine. CPU in µs a mail.\n")
    print(f"{'':32}{'mails/s':>10}{'x smtplib':>11}{'sender':>9}{'database':>10}{'sink':>7}")
    for name, one in found.items():
        print(
            f"{name:32}{one.rate:10,.0f}{one.rate / base:10.1f}x"
            f"{one.sender:9.1f}{one.database:10.1f}{one.sink:7.1f}"
        )
    cost = {
        offer: found[f"ours, 1 worker, {offer}"].sender + found[f"ours, 1 worker, {offer}"].database
        for offer in TARGET
    }
    for offer, most in TARGET.items():
        print(f"\n{offer}: {cost[offer]:.1f} µs of sender and database; target {most:.0f} or less.")
    print(
        json.dumps(
            {
                "bench": "send",
                "ways": {
                    name: {
                        "mails_per_second": round(one.rate),
                        "times_smtplib": round(one.rate / base, 1),
                        "sender_cpu_us": round(one.sender, 1),
                        "database_cpu_us": round(one.database, 1),
                        "sink_cpu_us": round(one.sink, 1),
                    }
                    for name, one in found.items()
                },
                "cpu_us_per_mail": {offer: round(spent, 1) for offer, spent in cost.items()},
                "target_us": TARGET,
                "met": {offer: cost[offer] <= TARGET[offer] for offer in TARGET},
            }
        )
    )


if __name__ == "__main__":
    main()
