"""Opens every kind of studio page and search at 10,000 and at 1,000,000 people.

    python bench/browse.py [--quick] [--plans]

Real pages of the real application, signed in as an administrator. A page's database time is the CPU
time of PostgreSQL's process behind its connection (/proc/…/schedstat), summed over its statements:
a busy machine does not blur it. Each page is opened several times with other words; p50 and p95 are
over those. --quick takes 1,000 and 20,000 people. --plans prints how PostgreSQL finds the rows.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from people import make_people
from place import Place

from listmgr.campaigns import compose
from listmgr.delivery.launch import launch
from listmgr.kit.clock import now
from listmgr.kit.db import db
from listmgr.operators.accounts import create_operator
from listmgr.runtime.house import House
from listmgr.schema import migrate, resource
from listmgr.segments import keep
from listmgr.segments.rules import Group, Rule

BASE = "https://news.example.org"
PASSWORD = "correct horse battery"
TYPICAL, WORST = 5.0, 50.0


@dataclass
class Watch:
    """What the statements of a page cost, and which they were."""

    cpu: float = 0.0
    statements: list[tuple[str, object]] = field(default_factory=list)

    def listen(self, engine: sa.Engine) -> None:
        sa.event.listen(engine, "before_cursor_execute", self._before)
        sa.event.listen(engine, "after_cursor_execute", self._after)

    def _before(self, _connection, cursor, _statement, _parameters, context, _many) -> None:
        context.began_at = _spent(cursor.connection.info.backend_pid)

    def _after(self, _connection, cursor, statement, parameters, context, _many) -> None:
        self.cpu += _spent(cursor.connection.info.backend_pid) - context.began_at
        self.statements.append((statement, parameters))


def _spent(pid: int) -> float:
    """Milliseconds on a CPU."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


class Browser:
    """An administrator at the studio."""

    def __init__(self, at: Place) -> None:
        app = at.leave()
        self.client = app.test_client()
        with app.app_context():
            self.engine = db.engine
        with at.work() as tx:
            create_operator(
                tx,
                email="a@example.org",
                name="A",
                role="administrator",
                password=PASSWORD,
                at=now(),
            )
        self.post("/studio/sign-in", {"email": "a@example.org", "password": PASSWORD})

    def get(self, path: str) -> str:
        answer = self.client.get(path, base_url=BASE)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
        return answer.text

    def post(self, path: str, data: dict[str, object]) -> None:
        page = self.client.get("/studio/account", base_url=BASE, follow_redirects=True).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        answer = self.client.post(path, data={"csrf_token": token[1], **data}, base_url=BASE)
        assert answer.status_code == 303, (path, answer.status_code)


def searches(told: random.Random, people: int) -> dict[str, dict[str, object]]:
    """A word for each kind of search, another one each time."""
    number = told.randrange(people)
    names = ["muller", "schmidt", "weber", "fischer", "wagner"]
    return {
        "everybody": {},
        "address, beginning": {"query": f"{told.choice(names)}.{number % 0xFFF:x}"},
        "address, rare part": {"query": f"{number:x}"[-5:] + "1"},
        "address, frequent part": {"query": told.choice(names)[1:]},
        "address, part nobody has": {"query": "qxzv" + str(number)},
        "domain, frequent": {"query": "@gmail.com"},
        "domain, rare": {"query": f"@firma{number % 30000}.example"},
        "name": {"query": f"Vorname{number % 3000}"},
        "name and part": {"query": f"Vorname{number % 3000} web"},
        "tag, rare": {"tag": "vip"},
        "tag, frequent": {"tag": "messe"},
        "field": {"field": "number", "value": str(number % 100_000)},
        "field, frequent": {"field": "city", "value": told.choice(["Köln", "Kiel", "Ulm"])},
        "language": {"field": "language", "value": "en"},
        "list": {"list": told.randrange(2, 6)},
        "list and station": {"list": 2, "status": told.choice(["pending", "withdrawn"])},
        "station": {"status": "captured"},
        "source, rare": {"source": "card"},
        "list, station and part": {"list": 2, "status": "withdrawn", "query": f"{number % 99}"},
        "dates": {"since": "2024-03-01", "until": f"2024-03-{told.randrange(2, 29):02}"},
        "dates and station": {"since": "2024-01-01", "until": "2024-12-31", "status": "withdrawn"},
    }


def pages(told: random.Random, people: int, made: dict[str, int]) -> dict[str, str]:
    """The other pages."""
    number = told.randrange(1, people)
    return {
        "overview": "/studio/",
        "lists": "/studio/lists",
        "a list": "/studio/lists/2",
        "campaigns (51)": "/studio/campaigns",
        "a draft": f"/studio/campaigns/{made['draft']}",
        "a draft to a segment": f"/studio/campaigns/{made['to_segment']}",
        "a running campaign": f"/studio/campaigns/{made['running']}",
        "a segment": f"/studio/segments/{made['segment']}",
        "a subscriber": f"/studio/subscribers/{number}",
        "subscribers, page in the middle": f"/studio/subscribers?below={people // 2 + number % 9}",
        "audit log": "/studio/audit",
        "audit log of one": "/studio/audit?operator=2",
    }


def furnish(at: Place, people: int) -> dict[str, int]:
    """Fields, campaigns, a segment and a long audit log."""
    with at.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO fields (key, label_de, label_en, kind, purpose, basis,"
                " retention_months, category, roles) SELECT k, k, k, 'text', 'x', 'consent', 12,"
                " 'ordinary', '{administrator}' FROM unnest(ARRAY['city', 'number']) k"
            )
        )
    with at.work() as tx:
        other = create_operator(tx, email="o@example.org", name="O", role="sales", at=now()).id
        rule = Group("all", (Rule("tag", "has", "messe"),))
        told = {"role": "administrator", "operator_id": other, "at": now()}
        segment = keep.create(tx, "messe", rule, **told).id
        purpose = tx.session.scalar(sa.text("SELECT id FROM purposes WHERE list_id = 1"))
        words = {"subject": "Mai", "body": "Guten Tag!"}
        drafts = [compose.Draft(f"D{n}", purpose, **words) for n in range(52)]
        drafts[51] = compose.Draft("S", purpose, audience_segment_id=segment, **words)
        ids = [compose.create(tx, draft, operator_id=None, at=now()).id for draft in drafts]
        launch(tx, ids[0], templates=resource("templates"), at=now())
        # Fifty campaigns of that size, without the wait for fifty launches.
        tx.session.execute(
            sa.text(
                "INSERT INTO campaign_leases (campaign_id, lo, hi, position, audience)"
                " SELECT k.id, lo, hi, position, audience FROM campaign_leases l, campaigns k"
                " WHERE k.id BETWEEN 2 AND 50"
            )
        )
    with at.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO audit_entries (at, operator_id, action) SELECT now(),"
                " CASE WHEN n % 50000 = 0 THEN CAST(:other AS bigint) END, 'x'"
                " FROM generate_series(1, :n) n"
            ),
            {"n": people, "other": other},
        )
    with at.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    return {"segment": segment, "running": ids[0], "draft": ids[50], "to_segment": ids[51]}


@contextmanager
def house_of(people: int) -> Iterator[tuple[Place, Browser, dict[str, int]]]:
    with tempfile.TemporaryDirectory(prefix="listmgr-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with House(folder) as house:
            migrate(house.database_url)
            at = Place(house, folder)
            make_people(at.engine, at.work, people)
            made = furnish(at, people)
            browser = Browser(at)
            yield at, browser, made
            browser.engine.dispose()
            at.engine.dispose()


def measure(people: int, times: int, plans: dict[str, str] | None) -> dict[str, list[float]]:
    told, taken = random.Random(7), {}
    with house_of(people) as (_at, browser, made):
        watch = Watch()
        watch.listen(browser.engine)
        for _ in range(times):
            cases: dict[str, str] = dict(pages(told, people, made))
            found = {f"search: {name}": asked for name, asked in searches(told, people).items()}
            for name in [*cases, *found]:
                asked = found.get(name, {})
                kept = {key: asked.pop(key, "") for key in ("query", "tag", "field", "value")}
                browser.post("/studio/subscribers", kept)
                link = "&".join(f"{key}={value}" for key, value in asked.items())
                watch.cpu, watch.statements = 0.0, []
                browser.get(cases.get(name, f"/studio/subscribers?{link}"))
                taken.setdefault(name, []).append(watch.cpu)
                if plans is not None and name in found:
                    plans[name] = plan(browser.engine, list(watch.statements))
    return taken


def plan(engine: sa.Engine, statements: list[tuple[str, object]]) -> str:
    """How the last statement that names people's ids was carried out."""
    own = [one for one in statements if "SELECT s.id FROM" in one[0]]
    statement, parameters = own[-1]
    with engine.connect() as connection:
        connection.exec_driver_sql("SET plan_cache_mode = 'force_custom_plan'")
        rows = connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement}", parameters
        )
        way = "looked through" if len(own) == 1 else "found by index"
        return way + "\n" + "\n".join(row[0] for row in rows)


def p95(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--plans", action="store_true", help="print EXPLAIN of each search")
    parser.add_argument("--people", type=int, help="the larger number")
    options = parser.parse_args()
    few, many, times = (1_000, 20_000, 2) if options.quick else (10_000, 1_000_000, 9)
    many = options.people or many
    plans: dict[str, str] | None = {} if options.plans else None
    small, large = measure(few, times, None), measure(many, times, plans)
    print(f"database time (CPU of PostgreSQL), ms; {few:,} and {many:,} people")
    print(f"{'page':40} {'p50':>8} {'p95':>8} {'p50':>8} {'p95':>8} {'growth':>7}")
    told = {}
    for name, times_taken in large.items():
        before, after = statistics.median(small[name]), statistics.median(times_taken)
        told[name] = {"p50": round(after, 2), "p95": round(p95(times_taken), 2)}
        print(
            f"{name:40} {before:8.2f} {p95(small[name]):8.2f} {after:8.2f}"
            f" {p95(times_taken):8.2f} {after / max(before, 0.01):7.1f}"
        )
    for name, text in (plans or {}).items():
        print(f"\n### {name}\n{text}")
    worst = max(one["p95"] for one in told.values())
    typical = statistics.median(one["p50"] for one in told.values())
    print(
        json.dumps(
            {
                "people": many,
                "typical_ms": round(typical, 2),
                "worst_p95_ms": worst,
                "target_met": typical <= TYPICAL and worst <= WORST,
                "pages": told,
            }
        )
    )


if __name__ == "__main__":
    main()
