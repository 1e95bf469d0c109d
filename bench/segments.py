"""Counts a segment of three rules and launches a campaign for it, at 1,000,000 people.

    python bench/segments.py [--quick]

The segment: with a tag, not in a town, with a confirmed consent known for two years. Counted as the
page counts it (a sample where people are many), counted one by one, and launched; beside the same
without a segment. Figures are medians of alternating runs; the time is PostgreSQL's CPU time.
--quick takes 20,000 people. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from people import make_people
from place import Place
from processes import cpu_seconds

from listmgr.campaigns import compose
from listmgr.consent.gate import FROM_CONSENTS, MAILABLE, gate_binds
from listmgr.delivery.launch import launch
from listmgr.kit.clock import now
from listmgr.kit.sql_condition import (
    EVERYBODY,
    Predicate,
)
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Role
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate, resource
from listmgr.search import reach as reaching
from listmgr.segments import edit
from listmgr.segments.rules import Group, Rule
from listmgr.segments.sql import predicate

TARGET = 1.0
TREE = Group(
    "all",
    (
        Rule("tag", "has", "messe"),
        Rule("field:city", "is_not", "Köln", kind="text"),
        Rule("consent", "has", "confirmed", place="list:1", since="2025-01-01"),
    ),
)


def count_all(at: Place, among: Predicate) -> int:
    """One by one."""
    statement = (
        f"SELECT count(*) FROM {FROM_CONSENTS} WHERE c.purpose_id = 1 AND {MAILABLE}"
        f" AND ({among.sql})"
    )
    with at.engine.connect() as connection:
        binds = {**gate_binds(at.settings), **among.binds}
        return int(connection.scalar(sa.text(statement), binds) or 0)


def count_page(at: Place, among: Predicate) -> int:
    """As a page does."""
    with at.work() as tx:
        return reaching.reach(tx.session, at.settings, 1, among).number


def launch_to(at: Place, segment: int | None) -> int:
    """How many the leases hold; taken back afterwards."""
    with at.work() as tx:
        words = {"subject": "Mai", "body": "Guten Tag!", "audience_segment_id": segment}
        made = compose.create(tx, compose.Draft("D", 1, **words), operator_id=None, at=now())
        launch(tx, made.id, templates=resource("templates"), at=now())
        told = {"campaign": made.id}
        found = tx.session.scalar(
            sa.text("SELECT sum(audience) FROM campaign_leases WHERE campaign_id = :campaign"), told
        )
        tx.session.rollback()
    return int(found or 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    people, rounds = (20_000, 3) if parser.parse_args().quick else (1_000_000, 5)
    taken: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="listmgr-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedServers(folder) as house:
            migrate(house.owner_url, application_url=house.database_url)
            at = Place(house, folder)
            make_people(at.engine, at.work, people, events=False)
            with at.work() as tx:
                who = create_operator(
                    tx, email="o@example.org", name="O", role="sales", at=now()
                ).id
                told = {"role": Role.ADMINISTRATOR, "operator_id": who, "at": now()}
                tree = Group("all", (TREE.members[0], TREE.members[2]))
                segment = edit.create(tx, "messe", tree, **told)
                segment.rule = edit.document_of(TREE)
                number = segment.id
            ways: dict[str, Callable[[], int]] = {
                "count on a page, segment": lambda: count_page(at, predicate(TREE)),
                "count on a page, everybody": lambda: count_page(at, EVERYBODY),
                "count one by one, segment": lambda: count_all(at, predicate(TREE)),
                "count one by one, everybody": lambda: count_all(at, EVERYBODY),
                "launch, segment": lambda: launch_to(at, number),
                "launch, everybody": lambda: launch_to(at, None),
            }
            for _ in range(rounds):
                for way, act in ways.items():
                    began, spent = time.perf_counter(), cpu_seconds(at.postmaster)
                    found = act()
                    ended = time.perf_counter() - began, cpu_seconds(at.postmaster) - spent
                    taken[way].append((*ended, found))
            at.engine.dispose()
    print(f"{'way':30} {'wall s':>8} {'CPU s':>8} {'people':>10}")
    told_json = {}
    for way, runs in taken.items():
        wall, cpu = (statistics.median(run[column] for run in runs) for column in (0, 1))
        told_json[way] = {"wall": round(wall, 3), "cpu": round(cpu, 3), "people": runs[-1][2]}
        print(f"{way:30} {wall:8.3f} {cpu:8.3f} {runs[-1][2]:10,}")
    met = told_json["launch, segment"]["cpu"] <= TARGET
    print(json.dumps({"bench": "segments", "people": people, "met": met, "ways": told_json}))


if __name__ == "__main__":
    main()
