"""Launch, cost a mail, memory of a worker, pause and resume for 10 k, 100 k and 1 M recipients.

    python bench/scale.py [--quick] [--most N]

Each campaign is launched to everybody; `--most` ends it after so many mails, since what one costs
is known by then. Quick means 2 k, 8 k and 20 k. What each further mail costs must stay flat
(± 10 %), and a worker's memory the same. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from place import Place, place
from processes import cpu_seconds, family, memory
from sinks import SmtpSink
from yardstick import factor

LAUNCH_SECONDS, MEGABYTES, SECONDS_TO_PAUSE, FLAT = 1.0, 100.0, 1.0, 1.1


@dataclass(frozen=True)
class Row:
    """One size. CPU in µs a mail."""

    recipients: int
    launch_seconds: float
    mails: int
    mails_per_second: float
    sender: float
    database: float
    worker_mb: float
    own_mb: float
    pause_seconds: float
    resume_seconds: float


@contextmanager
def most_memory(pids: list[int]) -> Iterator[list[float]]:
    """The most a worker, or what works for it, has held in MB: in all, and without the files of
    programs that all processes share. Looked at often.
    """
    found, ended = [0.0, 0.0], threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            for at, what in enumerate(("VmHWM", "RssAnon")):
                found[at] = max(found[at], *(memory(pid, what) for pid in family(*pids)))

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield found
    finally:
        ended.set()
        watch.join()


def row(at: Place, sink: SmtpSink, size: int, most: int) -> Row:
    """Launch, send, pause, resume, and go on to the end or to as many as are wanted."""
    at.crowd(size)
    campaign_id = at.campaign()
    launched = at.launch(campaign_id)
    wanted = min(size, most)
    with at.workers(2, sink) as pids, most_memory(pids) as held:
        begun, before = time.perf_counter(), sink.mails
        spent = cpu_seconds(*pids), cpu_seconds(at.postmaster)
        at.ring(campaign_id)
        sink.wait(before + wanted // 2)
        seconds = time.perf_counter() - begun
        halted = _pause(at, sink, campaign_id)
        resumed, mails = time.perf_counter(), sink.mails
        at.resume(campaign_id)
        sink.wait(mails + 1)
        begun = time.perf_counter()
        first = begun - resumed
        sink.wait(max(mails + 1, before + wanted))
        seconds += time.perf_counter() - begun
        if wanted < size:
            at.cancel(campaign_id)
        time.sleep(1)
        done = sink.mails - before
        sender = cpu_seconds(*pids) - spent[0]
        database = cpu_seconds(at.postmaster) - spent[1]
    at.forget(campaign_id)
    return Row(
        size,
        round(launched, 3),
        done,
        round(done / seconds),
        round(1e6 * sender / done, 1),
        round(1e6 * database / done, 1),
        round(held[0], 1),
        round(held[1], 1),
        round(halted, 3),
        round(first, 3),
    )


def _pause(at: Place, sink: SmtpSink, campaign_id: int) -> float:
    """Seconds from the commit of a pause to the last mail after it."""
    at.pause(campaign_id)
    paused = last = time.perf_counter()
    mails = sink.mails
    while time.perf_counter() - last < 1.5:
        if sink.mails != mails:
            mails, last = sink.mails, time.perf_counter()
        time.sleep(0.01)
    return last - paused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--most", type=int, default=10**9, help="mails of each campaign")
    options = parser.parse_args()
    sizes = (2_000, 8_000, 20_000) if options.quick else (10_000, 100_000, 1_000_000)
    most = options.most
    with place() as (at, start_sink):
        sink = start_sink()
        rows = [row(at, sink, size, most) for size in sizes]
    print(
        f"{'recipients':>11}{'launch s':>10}{'rows/s':>12}{'mails':>11}{'mails/s':>9}"
        f"{'sender µs':>11}{'database µs':>13}{'worker MB':>11}{'its own':>9}"
        f"{'pause s':>9}{'resume s':>10}"
    )
    for one in rows:
        print(
            f"{one.recipients:11,}{one.launch_seconds:10.2f}"
            f"{one.recipients / one.launch_seconds:12,.0f}{one.mails:11,}"
            f"{one.mails_per_second:9,.0f}{one.sender:11.1f}{one.database:13.1f}"
            f"{one.worker_mb:11.1f}{one.own_mb:9.1f}{one.pause_seconds:9.2f}{one.resume_seconds:10.2f}"
        )
    times, further = factor(), each_further(rows)
    flat = max(further) / min(further)
    last = rows[-1]
    met = {
        "launch": last.launch_seconds <= LAUNCH_SECONDS,
        "launch_times_factor": last.launch_seconds <= LAUNCH_SECONDS * times,
        "memory": max(one.own_mb for one in rows) <= MEGABYTES,
        "pause": max(one.pause_seconds for one in rows) <= SECONDS_TO_PAUSE,
        "flat": flat <= FLAT,
    }
    told = ", ".join(f"{cost:.1f}" for cost in further)
    print(f"\nFrom size to size each further mail costs, in µs of CPU: {told} ({flat:.2f} times).")
    print(f"The machine the targets were set on does its work {times:.2f} times as fast.")
    print(
        json.dumps(
            {
                "bench": "scale",
                "rows": [asdict(one) for one in rows],
                "each_further_us": [round(cost, 1) for cost in further],
                "machine_factor": round(times, 2),
                "met": met,
            }
        )
    )


def each_further(rows: list[Row]) -> list[float]:
    """CPU µs of each mail beyond the smaller size: what does not count is starting and ending."""
    spent = [(one.sender + one.database) * one.mails for one in rows]
    return [
        (more - less) / (above.mails - below.mails)
        for less, more, below, above in zip(spent, spent[1:], rows, rows[1:], strict=False)
    ]


if __name__ == "__main__":
    main()
