"""Imports people with six columns into PostgreSQL, beside other ways to do it.

    python bench/import.py [--quick] [--rows N] [--rounds N]

Ours is a CSV file by a worker's own code, in the two passes an operator waits for. The look before
reads and validates each row, finds who stands in the file twice, asks the database what would
become of each, and keeps what it has read. The run takes that in: suppression and restriction
looked up for each row again, captured consents with their ledger events, checkpoints. "Both" is
their whole time. "A run that reads the file" finds nothing kept, as after a change of the fields:
it reads, checks and takes in each row in one go, which is what other programs' imports do.
"COPY" brings the same rows, ready-made, into the table of subscribers and does nothing else: the
limit. "ORM" adds one object after the other, with a consent each and no ledger. The ways take turns
on an empty database, figures are medians. Time is wall clock, CPU is in µs a row.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from processes import cpu_seconds, memory  # noqa: E402
from yardstick import factor  # noqa: E402

from listmgr.config import Settings, load_settings  # noqa: E402
from listmgr.consent.lifecycle import ConsentStatus  # noqa: E402
from listmgr.consent.models import Consent, ConsentSource  # noqa: E402
from listmgr.imports import control  # noqa: E402
from listmgr.imports.models import ImportLines, Phase  # noqa: E402
from listmgr.imports.plan import Plan  # noqa: E402
from listmgr.imports.progress import verdicts  # noqa: E402
from listmgr.imports.worker import work_slice  # noqa: E402
from listmgr.kit.clock import now  # noqa: E402
from listmgr.kit.transaction import transaction  # noqa: E402
from listmgr.lists.models import Notice  # noqa: E402
from listmgr.operators.accounts import create_operator  # noqa: E402
from listmgr.runtime.servers import EmbeddedServers  # noqa: E402
from listmgr.schema import migrate  # noqa: E402
from listmgr.subscribers.field_catalogue import CORE_FIELDS  # noqa: E402
from listmgr.subscribers.models import Subscriber  # noqa: E402
from tests.factories import make_list  # noqa: E402

TARGET_RATE, TARGET_MEMORY = 25_000, 150
TABLES = "consent_evidence, consent_events, consents, subscribers, imports"
DECLARED = control.Declaration("bench", "consent", "Made up.")


@dataclass(frozen=True)
class Taken:
    """One run: rows a second; CPU µs a row of the program and of PostgreSQL; its peak in MB."""

    rate: float
    program: float
    database: float
    peak: float = 0.0


def people(count: int) -> Iterator[tuple[str, ...]]:
    """Fifteen big domains and 30,000 small ones; a few IDN, mixed case, blanks, bad addresses."""
    big = [f"big{n}.example" for n in range(15)]
    for n in range(count):
        domain = big[n % 15] if n % 4 else f"firma{n * 7919 % 30_000}.example"
        address = f"anna.berg{n}@{domain}"
        if n % 125 == 7:
            address = f"anna berg{n}{domain}"
        elif n % 50 == 3:
            address = f" Anna.Berg{n}@Bücher{n % 900}.example "
        yield address, f"Änne{n % 900}", f"Müller{n % 7000}", f"Firma {n % 5000}", "de", "Köln"


def csv_file(count: int) -> bytes:
    head = "email,first name,last name,company,language,city\n"
    return (head + "".join(",".join(one) + "\n" for one in people(count))).encode()


class Place:
    """An empty house with a list, and the means to look at what it costs."""

    def __init__(self, house: EmbeddedServers, settings: Settings) -> None:
        self.settings = settings
        self.engine = sa.create_engine(house.database_url, hide_parameters=True)
        self.superuser = sa.create_engine(house.superuser_url)
        with self.engine.connect() as connection:
            backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        stat = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
        self.postmaster = int(stat[1])
        with self.work() as tx:
            self.notice: Notice = make_list(tx)[2]
            self.operator = create_operator(
                tx, email="a@example.org", name="Ada", role="administrator", at=now()
            ).id

    def work(self):
        return transaction(
            lambda: Session(self.engine, expire_on_commit=False), self.settings, lambda _jobs: None
        )

    def empty(self) -> None:
        with self.superuser.begin() as connection:
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            connection.execute(sa.text(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE"))
        with self.superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("CHECKPOINT"))

    def timed(self, count: int, act: Callable[[], object]) -> Taken:
        own, database = time.process_time(), cpu_seconds(self.postmaster)
        begun = time.perf_counter()
        act()
        seconds = time.perf_counter() - begun
        own, database = time.process_time() - own, cpu_seconds(self.postmaster) - database
        return Taken(count / seconds, 1e6 * own / count, 1e6 * database / count)


@contextmanager
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="listmgr-bench-") as name:
        Path(name).chmod(0o755)
        with EmbeddedServers(Path(name)) as house:
            migrate(house.owner_url, application_url=house.database_url)
            told = {"DATABASE_URL": house.database_url, "LISTMGR_DATA_DIR": name}
            yield Place(house, load_settings(os.environ | told))


def prepare(at: Place, content: bytes) -> int:
    """A file that has been described, and has still to be looked through."""
    with at.work() as tx:
        made = control.upload(
            tx, io.BytesIO(content), "people.csv", fields=CORE_FIELDS, language="de",
            operator_id=at.operator, at=now(),
        )  # fmt: skip
    plan = replace(Plan.from_stored(made.plan))
    with at.work() as tx:
        control.describe(tx, made.id, plan, at.notice.purpose_id, DECLARED, operator_id=at.operator)
        control.start_check(tx, made.id)
    return made.id


def go_on(at: Place, import_id: int) -> None:
    while work_slice(at.work, import_id, "bench", now=now):
        pass


def ours(at: Place, count: int, *, from_file: bool = False) -> tuple[Taken, Taken]:
    """The look before and the run, in a process of their own, so that memory is theirs alone.

    `from_file`: what the look has kept is gone, so the run reads and checks each row of the file.
    """
    import_id = prepare(at, csv_file(count))
    looked = _apart(at, count, import_id)
    with at.work() as tx:
        control.start_run(tx, import_id, operator_id=at.operator, at=now())
        if from_file:
            tx.session.execute(sa.delete(ImportLines))
    ran = _apart(at, count, import_id)
    with at.work() as tx:
        found = verdicts(tx.session, import_id, Phase.RUN)
    if sum(found.values()) != count or found["new"] < count * 0.98:
        raise SystemExit(f"Of {count:,} rows: {found}")
    return looked, ran


def both(looked: Taken, ran: Taken) -> Taken:
    """The look and the run after it as one."""
    return Taken(
        1 / (1 / looked.rate + 1 / ran.rate),
        looked.program + ran.program,
        looked.database + ran.database,
        max(looked.peak, ran.peak),
    )


def _apart(at: Place, count: int, import_id: int) -> Taken:
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    url = at.engine.url.render_as_string(hide_password=False)
    process = context.Process(target=_child, args=(sender, at.settings, url, import_id))
    database = cpu_seconds(at.postmaster)
    process.start()
    sender.close()
    try:
        own, seconds, peak = receiver.recv()
    finally:
        process.join()
    database = cpu_seconds(at.postmaster) - database
    return Taken(count / seconds, 1e6 * own / count, 1e6 * database / count, peak)


def _child(sender, settings: Settings, url: str, import_id: int) -> None:
    engine = sa.create_engine(url, hide_parameters=True)

    def work():
        return transaction(
            lambda: Session(engine, expire_on_commit=False), settings, lambda _jobs: None
        )

    own, begun = time.process_time(), time.perf_counter()
    while work_slice(work, import_id, "bench", now=now):
        pass
    seconds = time.perf_counter() - begun
    sender.send((time.process_time() - own, seconds, memory(os.getpid(), "VmHWM")))
    engine.dispose()


def copy_alone(at: Place, count: int) -> Taken:
    """Ready-made lines into the one table, indexes and all: what PostgreSQL can take."""
    lines = [
        f"p{n}@{row[0].rpartition('@')[2].strip()}\tp{n}@x\tp{n}@{n}\td{n % 30_000}.example"
        f"\t\\\\x{n:064x}\t{row[1]}\t{row[2]}\t{row[3]}\tde\n"
        for n, row in enumerate(people(count))
    ]

    def act() -> None:
        with at.engine.begin() as connection:
            cursor = connection.connection.driver_connection.cursor()
            with cursor.copy(
                "COPY subscribers (address, envelope, address_key, domain, fingerprint,"
                " first_name, last_name, company, language) FROM STDIN"
            ) as copy:
                for start in range(0, count, 1000):
                    copy.write("".join(lines[start : start + 1000]))

    return at.timed(count, act)


def orm(at: Place, count: int) -> Taken:
    """One object after the other, a consent each, committed by the thousand; no ledger at all."""
    rows = list(people(count))
    with at.superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ALTER TABLE consents DISABLE TRIGGER consents_in_ledger"))

    def act() -> None:
        with Session(at.engine) as session:
            for n, (address, first, last, company, language, _city) in enumerate(rows):
                one = Subscriber(
                    address=address, envelope=address, address_key=f"{n}{address}", domain="x",
                    fingerprint=n.to_bytes(32, "big"), first_name=first, last_name=last,
                    company=company, language=language,
                )  # fmt: skip
                session.add(one)
                session.flush()
                session.add(
                    Consent(
                        subscriber_id=one.id, list_id=1, purpose_id=at.notice.purpose_id,
                        status=ConsentStatus.CAPTURED, version=1, notice_id=at.notice.id,
                        notice_version=1, language="de", source=ConsentSource.IMPORT,
                        captured_at=now(),
                    )
                )  # fmt: skip
                if n % 1000 == 999:
                    session.commit()
            session.commit()

    try:
        return at.timed(count, act)
    finally:
        with at.superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ALTER TABLE consents ENABLE TRIGGER consents_in_ledger"))


def measure(rows: int, rounds: int, few: int) -> dict[str, list[Taken]]:
    taken: dict[str, list[Taken]] = {}
    with place() as at:
        for _ in range(rounds):
            at.empty()
            taken.setdefault("COPY alone, no consent (limit)", []).append(copy_alone(at, rows))
            at.empty()
            looked, ran = ours(at, rows)
            taken.setdefault("ours: the look before", []).append(looked)
            taken.setdefault("ours: the run", []).append(ran)
            taken.setdefault("ours: both", []).append(both(looked, ran))
            at.empty()
            read = ours(at, rows, from_file=True)[1]
            taken.setdefault("ours: a run that reads the file", []).append(read)
            at.empty()
            taken.setdefault("ORM, row by row, no ledger", []).append(orm(at, few))
    return taken


def median(runs: list[Taken]) -> Taken:
    columns = zip(*((r.rate, r.program, r.database, r.peak) for r in runs), strict=True)
    return Taken(*(statistics.median(column) for column in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = 50_000 if options.quick else options.rows
    taken = measure(rows, 1 if options.quick else options.rounds, rows // 50)
    found = {name: median(runs) for name, runs in taken.items()}
    base = found["ORM, row by row, no ledger"].rate
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {rows:,} rows")
    print("PostgreSQL and the program on this machine. CPU in µs a row.\n")
    print(f"{'':34}{'rows/s':>10}{'x ORM':>9}{'program':>9}{'database':>10}{'peak MB':>9}")
    for name, one in found.items():
        peak = f"{one.peak:9.0f}" if name.startswith("ours") else ""
        print(
            f"{name:34}{one.rate:10,.0f}{one.rate / base:8.1f}x{one.program:9.1f}"
            f"{one.database:10.1f}{peak}"
        )
    read = found["ours: a run that reads the file"]
    run, limit = found["ours: the run"], found["COPY alone, no consent (limit)"]
    peak = max(found["ours: both"].peak, read.peak)
    times = factor()
    print(
        f"\nTarget {TARGET_RATE:,} rows/s on a machine {times:.2f} times as fast, here"
        f" {TARGET_RATE / times:,.0f}; {TARGET_MEMORY} MB at the most."
    )
    print(
        json.dumps(
            {
                "bench": "import",
                "rows": rows,
                "ways": {
                    name: {"rows_per_second": round(one.rate), "program_cpu_us":
                           round(one.program, 1), "database_cpu_us": round(one.database, 1)}
                    for name, one in found.items()
                },
                "of_the_limit": round(run.rate / limit.rate, 2),
                "times_orm": round(run.rate / base, 1),
                "peak_mb": round(peak),
                "machine_factor": round(times, 2),
                # From the file to the consents and their ledger, each row read and checked.
                "met": read.rate >= TARGET_RATE and peak <= TARGET_MEMORY,
                "met_times_factor": read.rate >= TARGET_RATE / times
                and peak <= TARGET_MEMORY,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
