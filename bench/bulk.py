"""Sets a field for everybody and exports everybody, beside a bare UPDATE and a bare COPY.

    python bench/bulk.py [--quick]

Ours is the whole act as a worker does it, in a process of its own: people gathered and frozen,
counted for the preview, then changed chunk by chunk with the values before kept and a checkpoint in
each commit. An export is gathered, written in pieces and stored. The bare ways are one statement
each, the limit of the database. Ways take turns; figures are medians; CPU is that of the worker and
of PostgreSQL together. Peak memory is the worker's. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from people import make_people
from place import Place
from processes import cpu_seconds

from listmgr.app import create_app
from listmgr.bulk.control import steer
from listmgr.bulk.lifecycle import BulkDeed
from listmgr.bulk.prepare import BulkRequest, prepare
from listmgr.bulk.worker import run_slice
from listmgr.config import load_settings
from listmgr.exports import worker as exports_worker
from listmgr.exports.request import (
    ExportRequest,
    request_export,
)
from listmgr.kit.clock import now
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Role
from listmgr.privacy.erasure import erase
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate
from listmgr.selections.freeze import SelectionRequest
from listmgr.selections.models import SelectionKind

EVERYBODY = SelectionRequest(SelectionKind.FOUND)
COLUMNS = ("email", "first_name", "last_name", "company", "language", "tags")
FORMATS = ("csv", "json", "xlsx")
COPY = (
    "COPY (SELECT address, first_name, last_name, company, language, tags FROM subscribers"
    " ORDER BY id) TO STDOUT (FORMAT csv, HEADER)"
)


@dataclass(frozen=True)
class Taken:
    """One run: people a second, CPU µs a person, peak memory in MB."""

    rate: float
    cpu: float
    memory: float = 0.0


def child(what: str, at: Place, operator_id: int) -> None:
    """The worker's part, in this process."""
    who = {"operator_id": operator_id, "role": Role.ADMINISTRATOR, "at": now()}
    if what == "set":
        with at.work() as tx:
            told = BulkRequest(kind="set_field", field="company", value=f"Value {time.time_ns()}")
            act_id = prepare(tx, told, EVERYBODY, **who).id
        while run_slice(at.work, act_id, erase=erase, now=now):
            pass
        with at.work() as tx:
            steer(tx, act_id, BulkDeed.START, role=Role.ADMINISTRATOR, at=now())
        while run_slice(at.work, act_id, erase=erase, now=now):
            pass
    else:
        with at.work() as tx:
            export_id = request_export(
                tx, ExportRequest(what, "check", "To measure"), COLUMNS, EVERYBODY, **who
            ).id
        while exports_worker.run_slice(at.work, export_id, now=now):
            pass


def worker(what: str, at: Place, count: int) -> Taken:
    """A worker process from its first statement to its last commit, without its start."""
    before = cpu_seconds(at.postmaster)
    argv = [sys.executable, __file__, "--child", what]
    ran = subprocess.run(argv, env=at.env, check=True, stdout=subprocess.PIPE, text=True)
    seconds, cpu, memory = map(float, ran.stdout.split()[-3:])
    cpu += cpu_seconds(at.postmaster) - before
    return Taken(count / seconds, 1e6 * cpu / count, memory)


def bare(work: Callable[[sa.Connection], object], at: Place, count: int) -> Taken:
    """One statement of the database and nothing else."""
    before, begun = cpu_seconds(at.postmaster), time.perf_counter()
    with at.engine.begin() as connection:
        work(connection)
    seconds = time.perf_counter() - begun
    cpu = cpu_seconds(at.postmaster) - before
    return Taken(count / seconds, 1e6 * cpu / count)


def update(connection: sa.Connection) -> None:
    connection.execute(
        sa.text("UPDATE subscribers SET company = :value"), {"value": f"Value {time.time_ns()}"}
    )


def copy(connection: sa.Connection) -> None:
    cursor = connection.connection.cursor()
    with cursor.copy(COPY) as stream:  # type: ignore[attr-defined]
        for _octets in stream:
            pass


def tidy(at: Place) -> None:
    """Nothing is left for the vacuum to do."""
    with at.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("bulk_undo_values", "export_pieces", "selections CASCADE"):
            connection.execute(sa.text(f"TRUNCATE {table}"))
        connection.execute(sa.text("VACUUM (ANALYZE) subscribers"))
        connection.execute(sa.text("CHECKPOINT"))


Runs = dict[str, list[Taken]]


def measure(at: Place, count: int, rounds: int) -> Runs:
    taken: Runs = defaultdict(list)
    for _ in range(rounds):
        tidy(at)
        taken["set a field: ours"].append(worker("set", at, count))
        tidy(at)
        taken["set a field: bare UPDATE"].append(bare(update, at, count))
        for kind in FORMATS:
            taken[f"export {kind}: ours"].append(worker(kind, at, count))
        taken["export: bare COPY"].append(bare(copy, at, count))
    return taken


def median(runs: list[Taken]) -> Taken:
    columns = zip(*((one.rate, one.cpu, one.memory) for one in runs), strict=True)
    return Taken(*(statistics.median(column) for column in columns))


def run(quick: bool) -> None:
    count, rounds = (20_000, 1) if quick else (1_000_000, 1)
    with tempfile.TemporaryDirectory(prefix="listmgr-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedServers(folder) as house:
            migrate(house.owner_url, application_url=house.database_url)
            at = Place(house, folder)
            with at.work() as tx:
                create_operator(
                    tx, email="o@example.org", name="Otto", role="administrator", at=now()
                )
            few = count // 10
            make_people(at.engine, at.work, few, lists=0, events=False)
            little = median([worker(kind, at, few) for kind in ("csv", "xlsx")])
            make_people(at.engine, at.work, count, first=few + 1, lists=0, events=False)
            found = {what: median(runs) for what, runs in measure(at, count, rounds).items()}
    report(count, found, little.memory)


def report(count: int, found: dict[str, Taken], few_memory: float) -> None:
    cores = os.cpu_count()
    print(f"{count:,} people, {cores} cores, Python {platform.python_version()}, medians\n")
    print(f"{'':26}{'people/s':>12}{'CPU µs each':>14}{'peak MB':>9}{'CPU x bare':>12}")
    ratios = {}
    for what, one in found.items():
        limit = found["export: bare COPY" if "export" in what else "set a field: bare UPDATE"]
        ratios[what] = one.cpu / limit.cpu
        memory = f"{one.memory:.0f}" if one.memory else ""
        print(f"{what:26}{one.rate:12,.0f}{one.cpu:14.1f}{memory:>9}{ratios[what]:11.1f}x")
    print(f"\nPeak memory of an export of a tenth of them: {few_memory:.0f} MB.")
    told = {
        what: {
            "people_per_second": round(one.rate),
            "cpu_us": round(one.cpu, 1),
            "peak_mb": round(one.memory),
            "times_bare_cpu": round(ratios[what], 2),
        }
        for what, one in found.items()
    }
    memory = {"peak_mb_of_a_tenth": round(few_memory)}
    print(json.dumps({"bench": "bulk", "people": count, "ways": told, **memory}))


class There:
    """The place as a worker process finds it, by its environment."""

    def __init__(self) -> None:
        services = create_app(load_settings(os.environ)).extensions["listmgr"]
        self.work = services.unit_of_work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.child:
        run(options.quick)
        return
    there = There()
    with there.work() as tx:
        operator_id = tx.session.scalar(sa.text("SELECT min(id) FROM operators"))
    begun, before = time.perf_counter(), time.process_time()
    child(options.child, there, operator_id)  # type: ignore[arg-type]
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(time.perf_counter() - begun, cpu, peak)


if __name__ == "__main__":
    main()
