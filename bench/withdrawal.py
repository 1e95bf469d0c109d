"""How long after a withdrawal's commit a mail to that person still begins: at most one window.

    python bench/withdrawal.py [--quick]

While a campaign goes out, people whose turn is just coming withdraw, one commit each. The sink
notes when the first octet of each mail's body comes. Most who withdraw in time get nothing; of the
others the time between their commit and their mail is shown. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from place import Place, place
from sinks import Sink

WINDOW_SECONDS = 1.0
COURSES = {
    "as fast as it goes": ((), {}),
    "200 mails a second": ((), {"LISTMGR_SEND_RATE": "200"}),
    "a slow server, one after the other": (
        ("-C", "-d", "20"),
        {"LISTMGR_SMTP_CONNECTIONS": "1"},
    ),
}


@dataclass(frozen=True)
class Seen:
    """Withdrawals, how many were mailed after theirs, and after how many milliseconds."""

    withdrawn: int
    late: list[float]

    @property
    def most(self) -> float:
        return max(self.late, default=0.0)

    def part(self, share: float) -> float:
        """The time that so large a share of the late ones stays under."""
        ordered = sorted(self.late)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def course(at: Place, sink: Sink, journal: Path, env: dict[str, str], wanted: int) -> Seen:
    """A campaign during which so many people withdraw."""
    campaign_id = at.campaign()
    at.launch(campaign_id)
    left: dict[str, float] = {}
    with at.workers(1, sink, **env):
        begun = sink.mails
        at.ring(campaign_id)
        while sink.mails < begun + 20:
            time.sleep(0.005)
        end = time.monotonic() + 60
        while len(left) < wanted and time.monotonic() < end:
            if (address := _withdraw_next(at, campaign_id)) is None:
                break
            left[address] = time.time()
        # What had been gated before the last commit has gone by then.
        time.sleep(2 * WINDOW_SECONDS)
        at.cancel(campaign_id)
        time.sleep(0.5)
    sink.close()
    came = (line.split() for line in journal.read_text().splitlines())
    late = [1000 * (float(when) - left[to]) for when, to in came if to in left]
    return Seen(len(left), [one for one in late if one > 0])


def _withdraw_next(at: Place, campaign_id: int) -> str | None:
    """Whoever is about to be looked at, or has been looked at a moment ago; None when all have."""
    with at.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        return connection.scalar(
            sa.text(
                "UPDATE consents SET status = 'withdrawn', ended_at = now() FROM subscribers s"
                " WHERE s.id = consents.subscriber_id AND consents.id = ("
                "  SELECT c.id FROM consents c WHERE c.status = 'confirmed' AND c.subscriber_id >="
                "   (SELECT max(position) - :spread + (random() * 2 * :spread)::int"
                "    FROM campaign_leases WHERE campaign_id = :campaign AND state <> 'open')"
                "  ORDER BY c.subscriber_id LIMIT 1) RETURNING s.address"
            ),
            {"campaign": campaign_id, "spread": 60},
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    count, wanted = (6_000, 100) if parser.parse_args().quick else (100_000, 1_000)
    found: dict[str, Seen] = {}
    with place() as (at, start_sink):
        for number, (name, (options, env)) in enumerate(COURSES.items()):
            at.crowd(count)
            journal = at.folder / f"journal-{number}"
            sink = start_sink(*options, "-l", str(journal))
            found[name] = course(at, sink, journal, env, wanted)
    print(f"{'':36}{'withdrew':>10}{'mailed after':>14}{'median':>9}{'95 %':>8}{'most':>8}  ms")
    for name, seen in found.items():
        median = statistics.median(seen.late) if seen.late else 0.0
        print(
            f"{name:36}{seen.withdrawn:10,}{len(seen.late):14,}{median:9.0f}"
            f"{seen.part(0.95):8.0f}{seen.most:8.0f}"
        )
    most = max(seen.most for seen in found.values())
    print(f"\nNever later than a window: {most:.0f} ms of {1000 * WINDOW_SECONDS:.0f} allowed.")
    told = {
        name: {
            "withdrawn": seen.withdrawn,
            "mailed_after": len(seen.late),
            "p50_ms": round(seen.part(0.5)),
            "p95_ms": round(seen.part(0.95)),
            "most_ms": round(seen.most),
        }
        for name, seen in found.items()
    }
    met = most <= 1000 * WINDOW_SECONDS
    print(json.dumps({"bench": "withdrawal", "courses": told, "most_ms": round(most), "met": met}))


if __name__ == "__main__":
    main()
