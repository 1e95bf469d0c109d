"""Delivers a 42 kB newsletter with personal fields and ten links, beside other ways to do it.

    python bench/send.py [--quick] [--rounds N] [--peer 'COMMAND' --peer-mails N]

Ours are real worker processes with everything on: leases, the gate before each window, durable
intent, outcomes, counters. PostgreSQL, workers and the sink share this machine. The ways take
turns, figures are medians. "blind" writes ready-made mails without waiting for answers: the limit
of the socket. smtp-sink is Postfix's: neutral, and the bottleneck itself. A peer is told
LISTMGR_BENCH_PORT and timed by the sink's count. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections import defaultdict

from place import Place, place
from runs import Taken, median, other, ours, peer
from sinks import Sink, SmtpSink, smtp_sink
from yardstick import factor

TARGET = {"CHUNKING": 60.0, "PIPELINING": 85.0}
Runs = dict[str, list[Taken]]


def measure(options: argparse.Namespace) -> tuple[Runs, float]:
    """The ways in turn, round after round; how fast the machine was meanwhile."""
    rounds, count, few = (1, 5_000, 50) if options.quick else (options.rounds, 100_000, 1_000)
    taken: Runs = defaultdict(list)
    factors = []
    with place() as (at, start_sink), smtp_sink() as neutral:
        at.crowd(count, count // 10)
        sinks = {"CHUNKING": start_sink(), "PIPELINING": start_sink("-C")}
        for _ in range(rounds):
            factors.append(factor())
            _our_ways(taken, at, sinks, neutral, count, quick=options.quick)
            for way, offer in (("blind-bdat", "CHUNKING"), ("blind-data", "PIPELINING")):
                taken[f"blind writer, {offer}"].append(other(way, sinks[offer], count))
            for way in ("smtplib", "flask-mail"):
                taken[way].append(other(way, sinks["PIPELINING"], few))
            if neutral:
                taken["smtplib, smtp-sink"].append(other("smtplib", neutral, few))
            if options.peer:
                taken["peer"].append(peer(options.peer, sinks["CHUNKING"], options.peer_mails))
    return taken, statistics.median(factors)


def _our_ways(
    taken: Runs,
    at: Place,
    sinks: dict[str, Sink],
    neutral: SmtpSink | None,
    count: int,
    *,
    quick: bool,
) -> None:
    for offer, sink in sinks.items():
        taken[f"ours, 1 worker, {offer}"].append(ours(at, sink, count, 1))
    for offer, sink in () if quick else sinks.items():
        taken[f"ours, 2 workers, {offer}"].append(ours(at, sink, count, 2))
    if neutral:
        taken["ours, 1 worker, smtp-sink"].append(ours(at, neutral, count, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", help="a command that sends through LISTMGR_BENCH_PORT")
    parser.add_argument("--peer-mails", type=int, default=1000, help="how many it sends")
    taken, times = measure(parser.parse_args())
    found = {name: median(runs) for name, runs in taken.items()}
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
    print(json.dumps(told(found, cost, times)))


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
            for name, one in found.items()
        },
        "cpu_us_per_mail": {offer: round(spent, 1) for offer, spent in cost.items()},
        "target_us": TARGET,
        "met": {offer: cost[offer] <= TARGET[offer] for offer in TARGET},
        "met_times_factor": {offer: cost[offer] <= TARGET[offer] * times for offer in TARGET},
    }


if __name__ == "__main__":
    main()
