"""Opens every page of the studio and makes every kind of search, at 10,000 and 1,000,000 people.

    python bench/browse.py [--quick] [--plans] [--markdown]

Real pages of the real application, signed in as an administrator, in a house that has been used
for years (bench/furnished.py). A page's database time is the CPU time of PostgreSQL's process
behind its connection (/proc/…/schedstat), from its first statement to the end of its transaction: a
busy machine blurs it little. Each page is opened several times, with other words or another row
each time; p50 and p95 are over those. A route that is neither measured nor named in NO_PAGES ends
the run. --quick takes 1,000 and 20,000 people, --plans prints how PostgreSQL finds the rows,
--markdown the tables of docs/search.md and docs/performance.md. The last line is JSON; "met" is
false when the median page takes more than 5 ms or the 95th percentile of any more than 50 ms.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from browser import Browser
from furnished import furnish
from pages import pages, searches
from people import make_people
from place import Place

from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate

TYPICAL, WORST = 5.0, 50.0
# Of a line of a plan.
WIDTH = 110
# Files that leave as a stream, pictures, and what is opened without having signed in.
NO_PAGES = {
    *("campaign_file", "card_picture", "export_file", "refused_rows"),
    *("sign_in_page", "one_time_page", "first_run_page", "pocket_worker", "pocket_token"),
}


@dataclass
class Watch:
    """What PostgreSQL's processes have spent, and the statements of the last page."""

    engine: sa.Engine
    statements: list[tuple[str, object]] = field(default_factory=list)
    backends: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        sa.event.listen(self.engine, "after_cursor_execute", self._after)

    def _after(self, _connection, cursor, statement, parameters, _context, _many) -> None:
        self.backends.add(cursor.connection.info.backend_pid)
        self.statements.append((statement, parameters))

    def spent(self) -> float:
        """Milliseconds on a CPU so far."""
        return sum(
            int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
            for pid in self.backends
        )


Taken = dict[str, list[float]]


@contextmanager
def house_of(people: int) -> Iterator[tuple[Browser, dict[str, int]]]:
    """The house and a browser in it."""
    with tempfile.TemporaryDirectory(prefix="listmgr-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedServers(folder) as house:
            migrate(house.owner_url, application_url=house.database_url)
            at = Place(house, folder)
            with at.engine.begin() as connection:
                # The helpers of a parallel query would spend CPU this bench does not see.
                connection.exec_driver_sql(
                    "ALTER DATABASE listmgr SET max_parallel_workers_per_gather = 0"
                )
            make_people(at.engine, at.work, people)
            made = furnish(at, people)
            browser = Browser(at)
            yield browser, made
            browser.engine.dispose()
            at.engine.dispose()


def measure(browser: Browser, people: int, made: dict[str, int], times: int) -> tuple[Taken, dict]:
    """What each page and search took, in ms, and how the rows of the searches were found."""
    told, taken, plans = random.Random(7), {}, {}
    watch = Watch(browser.engine)
    for turn in range(times + 1):
        found = {f"search: {name}": asked for name, asked in searches(told, people).items()}
        opened = pages(told, people, made)
        for name in [*opened, *found]:
            path = browser.search(found[name]) if name in found else opened[name]
            watch.statements, before = [], watch.spent()
            browser.get(path)
            # The first look warms the caches of a process that lives for weeks.
            if turn:
                taken.setdefault(name, []).append(watch.spent() - before)
            if name in found and turn == times:
                plans[name] = plan(browser.engine, watch.statements)
    missing = browser.routes() - browser.seen - NO_PAGES
    if missing:
        raise SystemExit(f"Nobody measures {', '.join(sorted(missing))}.")
    return taken, plans


def plan(engine: sa.Engine, statements: list[tuple[str, object]]) -> str:
    """How the last statement that names people's ids was carried out."""
    own = [one for one in statements if "SELECT s.id" in one[0] and "OFFSET" not in one[0]]
    statement, parameters = own[-1]
    with engine.connect() as connection:
        connection.exec_driver_sql("SET plan_cache_mode = 'force_custom_plan'")
        connection.exec_driver_sql("SET jit = off")
        rows = connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) {statement}",
            parameters,
        )
        way = "Found by index:" if "WITH found" in statement else "Looked through:"
        return "\n".join([way, *abbreviated(row[0] for row in rows)])


def abbreviated(lines: Iterable[str]) -> Iterator[str]:
    """The nodes that did something, with what they asked an index and each row."""
    for number, line in enumerate(lines):
        told = line.strip().startswith(("Index Cond:", "Filter:", "CTE "))
        if (number == 0 or "->" in line or told) and "never executed" not in line:
            yield line[:WIDTH] + ("…" if len(line) > WIDTH else "")


def p95(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]


def row(name: str, small: Taken, large: Taken) -> list[str]:
    before, after = statistics.median(small[name]), statistics.median(large[name])
    figures = [before, p95(small[name]), after, p95(large[name])]
    return [name, *(f"{one:.2f}" for one in figures), f"{after / max(before, 0.01):.1f}"]


def table(names: list[str], few: int, many: int, small: Taken, large: Taken, like: str) -> None:
    """On the screen, or as the documents have it."""
    if like == "markdown":
        print(
            f"\n| ms | {few:,}: p50 | p95 | {many:,}: p50 | p95 | growth |"
            "\n|---|---|---|---|---|---|"
        )
        for name in names:
            print("| " + " | ".join(row(name, small, large)) + " |")
        return
    print(f"\nCPU of PostgreSQL in ms; {few:,} people, then {many:,}")
    for name, *figures in [["", "p50", "p95", "p50", "p95", "growth"]] + [
        row(name, small, large) for name in names
    ]:
        print(f"{name:45}" + "".join(f"{one:>9}" for one in figures))


def report(many: int, large: Taken) -> dict[str, object]:
    told = {
        name: {"p50": round(statistics.median(times), 2), "p95": round(p95(times), 2)}
        for name, times in large.items()
    }
    typical = statistics.median(one["p50"] for one in told.values())
    slow = sorted(name for name, one in told.items() if one["p95"] > WORST)
    return {
        "bench": "browse",
        "people": many,
        "typical_ms": round(typical, 2),
        "worst_p95_ms": max(one["p95"] for one in told.values()),
        "above_5_ms": sum(one["p50"] > TYPICAL for one in told.values()),
        "above_50_ms": slow,
        "met": typical <= TYPICAL and not slow,
        "pages": told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--plans", action="store_true", help="print EXPLAIN of each search")
    parser.add_argument("--markdown", action="store_true", help="print the tables of the documents")
    parser.add_argument("--people", type=int, help="the larger number")
    options = parser.parse_args()
    few, many, times = (1_000, 20_000, 3) if options.quick else (10_000, 1_000_000, 11)
    many = options.people or many
    begun = time.monotonic()
    with house_of(few) as (browser, made):
        small, _ = measure(browser, few, made, times)
    with house_of(many) as (browser, made):
        print(f"{many:,} people are there after {time.monotonic() - begun:.0f} s", flush=True)
        large, plans = measure(browser, many, made, times)
    searched = [name for name in large if name.startswith("search: ")]
    for names in ([one for one in large if one not in searched], searched):
        table(names, few, many, small, large, "markdown" if options.markdown else "")
    for name, text in plans.items() if options.plans else ():
        print(f"\n### {name.removeprefix('search: ')}\n\n```\n{text}\n```")
    print(json.dumps(report(many, large)))


if __name__ == "__main__":
    main()
