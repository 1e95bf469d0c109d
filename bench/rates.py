"""What limits cost, and how exactly they are kept, by real workers together.

    python bench/rates.py [--quick]

Free-running and limited runs take turns: the limits are far above what is reached, for the sender
and for the recipients' domain alike, so only their asking is measured. Then rates that do bite are
kept for some seconds by two workers and counted at the sink. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict

from place import Place, place
from processes import cpu_seconds
from runs import Taken, ours
from sinks import Sink
from yardstick import factor

from listmgr.campaigns import control
from listmgr.delivery.domain_limits import DomainLimiter
from listmgr.delivery.sender_limits import Throttle
from listmgr.delivery.window import Recipient
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import permits_at
from listmgr.senders.edit import pace_sender
from listmgr.senders.limits_form import LimitsForm
from listmgr.senders.models import BUILT_IN
from listmgr.senders.quiet_hours import QuietHoursForm
from listmgr.senders.routing import built_in

HIGH = "1000000"
WAYS = {
    "free": (LimitsForm(), []),
    "limited far above": (
        LimitsForm(per_second=HIGH, per_hour="1000000000", per_day="1000000000"),
        [("crowd.example", {"per_second": HIGH, "per_hour": "1000000000"})],
    ),
}
WINDOW = 200


def limit(at: Place, told: LimitsForm, rows: list[tuple[str, dict[str, str]]]) -> None:
    with at.work() as tx:
        pace_sender(tx, BUILT_IN, told, QuietHoursForm(), rows)
        control.wake(tx)


def cost(at: Place) -> float:
    """CPU µs a mail of asking alone, client and Valkey: windows taken and split, nothing sent."""
    with at.work() as tx:
        terms = built_in(tx.session).terms
    throttle = Throttle(
        permits_at(at.settings.redis_url), terms, holder="bench", now=now, count=lambda *_: 0
    )
    domains = DomainLimiter(throttle)
    people = [Recipient(n, f"p{n}@crowd.example", 1, ()) for n in range(WINDOW)]
    spent, done = 0.0, 0
    server = int(at.redis.info("server")["process_id"])
    begun, before = time.process_time(), cpu_seconds(server)
    for _ in range(500):
        count = throttle.take(WINDOW, time.monotonic() + 5)
        domains.split(people[:count])
        done += count
    spent = time.process_time() - begun + cpu_seconds(server) - before
    domains.close()
    throttle.close()
    return 1e6 * spent / done


def pinged(at: Place) -> float:
    """CPU µs of the smallest question to Valkey."""
    begun = time.process_time()
    for _ in range(1_000):
        at.redis.ping()
    return 1e3 * (time.process_time() - begun)


def kept(at: Place, sink: Sink, rate: int, seconds: float) -> float:
    """Mails a second at the sink while a rate is in force, the first second aside."""
    limit(at, LimitsForm(per_second=str(rate)), [])
    campaign_id = at.campaign()
    at.launch(campaign_id)
    with at.workers(2, sink):
        before = sink.mails
        at.ring(campaign_id)
        sink.wait(before + rate)
        begun, first = time.monotonic(), sink.mails
        time.sleep(seconds)
        found = (sink.mails - first) / (time.monotonic() - begun)
        with at.work() as tx:
            control.cancel(tx, campaign_id, at=now())
        time.sleep(1.0)
    at.forget(campaign_id)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    quick = parser.parse_args().quick
    # More people than the highest rate reaches in a second and the seconds it is looked at.
    rounds, count, seconds = (1, 10_000, 3.0) if quick else (5, 50_000, 15.0)
    taken: dict[str, list[Taken]] = defaultdict(list)
    with place() as (at, start_sink):
        at.crowd(count)
        sink = start_sink()
        for _ in range(rounds):
            for way, (told, rows) in WAYS.items():
                limit(at, told, rows)
                taken[way].append(ours(at, sink, count, 2))
        asking, ping = cost(at), pinged(at)
        rates = {rate: kept(at, sink, rate, seconds) for rate in (50, 500, 2_000)}
    speed = {way: statistics.median(one.rate for one in runs) for way, runs in taken.items()}
    cpu = {
        way: statistics.median(r.sender + r.database for r in runs) for way, runs in taken.items()
    }
    ratio = speed["limited far above"] / speed["free"]
    print(f"Two workers, {count:,} mails, medians of {rounds} alternating runs.\n")
    for way in WAYS:
        print(f"{way:20}{speed[way]:10,.0f} mails/s{cpu[way]:8.1f} µs a mail (worker, database)")
    print(f"\nLimited far above, beside free-running: {ratio:.2f}x")
    times = factor()
    print(f"The machine the targets were set on does its work {times:.2f} times as fast.")
    print(f"Asking for permits alone: {asking:.2f} µs a mail; target 1 there, {times:.2f} here")
    print(f"One PING of Valkey: {ping:.0f} µs of CPU\n")
    off = {rate: 100 * (found / rate - 1) for rate, found in rates.items()}
    for rate, found in rates.items():
        print(f"limit {rate:6,} a second: {found:9,.1f} at the sink, {off[rate]:+.2f} %")
    told = {
        "bench": "rates",
        "mails_per_second": {way: round(found) for way, found in speed.items()},
        "cpu_us_per_mail": {way: round(found, 1) for way, found in cpu.items()},
        "ratio": round(ratio, 3),
        "asking_us_per_mail": round(asking, 2),
        "ping_us": round(ping),
        "kept": {str(rate): round(found, 1) for rate, found in rates.items()},
        "off_percent": {str(rate): round(found, 2) for rate, found in off.items()},
        "machine_factor": round(times, 2),
        "met": asking < 1 and all(abs(found) <= 2 for found in off.values()),
        "met_times_factor": asking < times and all(abs(found) <= 2 for found in off.values()),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
