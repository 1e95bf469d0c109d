"""Delivers a 42 kB newsletter with personal fields and ten links, beside other ways to do it.

    python bench/send.py [--quick] [--rounds N]
        [--peer 'COMMAND' --peer-mails N [--peer-database PIDFILE]]

Ours are real worker processes with everything on: leases, the gate before each window, durable
intent, outcomes, counters. PostgreSQL, workers and the sink share this machine. The ways take
turns, figures are medians. "blind" writes ready-made mails without waiting for answers: the limit
of the socket. smtp-sink is Postfix's: neutral, and the bottleneck itself.

A peer is any program. It is started for each of its runs, reads BENCH_PORT and sends so
many mails; whatever it needs, as a filled database, is there before. Its rate is from its first
mail to its last, by the sink's count, so that its start does not count against it; ours begins
when a worker is told of the campaign. PIDFILE is the postmaster.pid of the peer's PostgreSQL. The
last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from place import Place, place
from runs import Taken, median, other, ours, peer
from sinks import SmtpSink, smtp_sink
from yardstick import factor

TARGET = {"CHUNKING": 60.0, "PIPELINING": 85.0}
TIMES_PEER = {"PIPELINING": 10.0, "CHUNKING": 20.0, "smtp-sink": 3.0}
MAILS, NEUTRAL_MAILS, QUICK_MAILS = 100_000, 30_000, 5_000
Runs = dict[str, list[Taken]]


class Measuring:
    """The ways in turn, round after round; how fast the machine was meanwhile."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.rounds = 1 if options.quick else options.rounds
        self.few = 50 if options.quick else 500
        self.workers = (1,) if options.quick else (1, 2)
        self.taken: Runs = defaultdict(list)
        self.factors: list[float] = []

    def run(self) -> None:
        with place() as (at, start_sink), smtp_sink() as neutral:
            mails = self._crowd(at, MAILS)
            sinks: dict[str, SmtpSink] = {
                "CHUNKING": start_sink(),
                "PIPELINING": start_sink("-C"),
            }
            for _ in range(self.rounds):
                self._ours_and_peer(at, sinks, mails)
                self._others(sinks, mails)
            if neutral:
                # It is the slowest part of all, so fewer mails do.
                mails = self._crowd(at, NEUTRAL_MAILS)
                for _ in range(self.rounds):
                    self._ours_and_peer(at, {"smtp-sink": neutral}, mails)
                    for name, way, count in (
                        ("blind writer", "blind-data", mails // 3),
                        ("smtplib", "smtplib", self.few),
                    ):
                        self.taken[f"{name}, smtp-sink"].append(other(way, neutral, count))

    def _crowd(self, at: Place, mails: int) -> int:
        mails = QUICK_MAILS if self.options.quick else mails
        at.crowd(mails, mails // 10)
        return mails

    def _ours_and_peer(self, at: Place, sinks: Mapping[str, SmtpSink], mails: int) -> None:
        self.factors.append(factor())
        for offer, sink in sinks.items():
            for workers in self.workers:
                found = ours(at, sink, mails, workers)
                self.taken[_ours(workers, offer)].append(found)
            if command := self.options.peer:
                found = peer(command, sink, self.options.peer_mails, self._postmaster())
                self.taken[f"peer, {offer}"].append(found)

    def _postmaster(self) -> int:
        file: Path | None = self.options.peer_database
        return int(file.read_text().split()[0]) if file else 0

    def _others(self, sinks: Mapping[str, SmtpSink], mails: int) -> None:
        for way, offer in (("blind-bdat", "CHUNKING"), ("blind-data", "PIPELINING")):
            self.taken[f"blind writer, {offer}"].append(other(way, sinks[offer], mails))
        for way in ("smtplib", "flask-mail"):
            self.taken[way].append(other(way, sinks["PIPELINING"], self.few))


def _ours(workers: int, offer: str) -> str:
    return f"ours, {workers} worker{'s' if workers > 1 else ''}, {offer}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", help="a command that sends through BENCH_PORT")
    parser.add_argument("--peer-mails", type=int, default=1000, help="how many it sends")
    parser.add_argument("--peer-database", type=Path, help="its PostgreSQL's postmaster.pid")
    measuring = Measuring(parser.parse_args())
    measuring.run()
    found = {name: median(runs) for name, runs in measuring.taken.items()}
    show(found, statistics.median(measuring.factors))


def show(found: dict[str, Taken], times: float) -> None:
    """The table, what the targets say, and all of it for programs."""
    base = found["smtplib"].rate
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, medians of alternating runs"
    )
    print("PostgreSQL, workers and sink on this machine. CPU in µs a mail.")
    print(f"The machine the targets were set on does its work {times:.2f} times as fast.\n")
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
        print(
            f"\n{offer}: {cost[offer]:.1f} µs of sender and database; target {most:.0f} or less"
            f" there, {most * times:.0f} here."
        )
    ratios = times_peer(found)
    for offer, ratio in ratios.items():
        told_ratio = ", ".join(f"{name} {ratio[name]:.1f}" for name in ratio)
        print(f"\nTimes the peer, {offer}: {told_ratio}; target {TIMES_PEER[offer]:.0f} or more.")
    print(json.dumps(told(found, cost, times) | {"times_peer": ratios}))


def times_peer(found: dict[str, Taken]) -> dict[str, dict[str, float]]:
    """Our rate by the peer's at each sink, and by its rate with its start counted in."""
    ratios: dict[str, dict[str, float]] = {}
    for offer in TIMES_PEER:
        for workers in (1, 2):
            mine, theirs = found.get(_ours(workers, offer)), found.get(f"peer, {offer}")
            if mine and theirs:
                name = f"{workers} worker{'s' if workers > 1 else ''}"
                ratio = ratios.setdefault(offer, {})
                ratio[name] = round(mine.rate / theirs.rate, 2)
                ratio[f"{name}, its start counted"] = round(mine.rate / theirs.whole, 2)
    return ratios


def told(found: dict[str, Taken], cost: dict[str, float], times: float) -> dict[str, object]:
    """The same for programs."""
    return {
        "bench": "send",
        "machine_factor": round(times, 2),
        "ways": {
            name: {
                "mails_per_second": round(one.rate),
                "times_smtplib": round(one.rate / found["smtplib"].rate, 1),
                "sender_cpu_us": round(one.sender, 1),
                "database_cpu_us": round(one.database, 1),
                "sink_cpu_us": round(one.sink, 1),
            }
            | ({"mails_per_second_with_start": round(one.whole)} if one.whole else {})
            for name, one in found.items()
        },
        "cpu_us_per_mail": {offer: round(spent, 1) for offer, spent in cost.items()},
        "target_us": TARGET,
        "met": {offer: cost[offer] <= TARGET[offer] for offer in TARGET},
        "met_times_factor": {offer: cost[offer] <= TARGET[offer] * times for offer in TARGET},
    }


if __name__ == "__main__":
    main()
