"""How fast mails leave when the mail server is 1, 10 or 50 ms away.

    python bench/latency.py [--quick]

The sink holds every answer back. With PIPELINING each mail costs a round trip of its connection,
with CHUNKING a window shares one; smtplib waits five times a mail. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from place import Place, place
from runs import other, ours
from sinks import Sink

DELAYS = (1, 10, 50)


def measure(
    at: Place, start_sink: Callable[..., Sink], sizes: tuple[int, int, int], few: int
) -> dict[str, dict[int, float]]:
    """Mails a second by way and delay; the farther the server, the fewer are sent."""
    found: dict[str, dict[int, float]] = {
        "ours, CHUNKING": {},
        "ours, PIPELINING, 8 connections": {},
        "ours, PIPELINING, 50 connections": {},
        "smtplib": {},
    }
    for delay, size in zip(DELAYS, sizes, strict=True):
        at.crowd(size)
        chunks, plain = (start_sink(*more, "-d", str(delay)) for more in ((), ("-C",)))
        for way, rates in found.items():
            if way == "smtplib":
                rates[delay] = other(way, plain, max(5, few // delay)).rate
                continue
            connections = "50" if "50" in way else "8"
            sink = chunks if "CHUNKING" in way else plain
            env = {"LISTMGR_SMTP_CONNECTIONS": connections}
            rates[delay] = ours(at, sink, size, 1, **env).rate
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    quick = parser.parse_args().quick
    sizes, few = ((2_000, 800, 200), 200) if quick else ((30_000, 10_000, 3_000), 1_000)
    with place() as (at, start_sink):
        found = measure(at, start_sink, sizes, few)
    print(f"{'mails a second':36}" + "".join(f"{delay:>7} ms" for delay in DELAYS))
    for way, rates in found.items():
        print(f"{way:36}" + "".join(f"{rates[delay]:10,.0f}" for delay in DELAYS))
    told = {
        way: {f"{delay} ms": round(rate, 1) for delay, rate in rates.items()}
        for way, rates in found.items()
    }
    times = {
        f"{delay} ms": round(found["ours, CHUNKING"][delay] / found["smtplib"][delay], 1)
        for delay in DELAYS
    }
    print(json.dumps({"bench": "latency", "mails_per_second": told, "times_smtplib": times}))


if __name__ == "__main__":
    main()
