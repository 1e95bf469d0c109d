"""Where the sending benchmarks take place: real servers, a crowd, worker processes, and a sink.

Not a benchmark itself. CPU is read from /proc, so Linux is needed; the sink needs a C compiler
(`sudo apt-get install gcc libc6-dev`).
"""

from __future__ import annotations

import mmap
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import redis
import sqlalchemy as sa
from flask import Flask
from rq import Worker

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from render import newsletter  # noqa: E402

from listmgr.app import create_app  # noqa: E402
from listmgr.campaigns import compose, control  # noqa: E402
from listmgr.config import load_settings  # noqa: E402
from listmgr.delivery.launch import launch, partition  # noqa: E402
from listmgr.delivery.sweep import ring_campaign  # noqa: E402
from listmgr.kit.clock import now  # noqa: E402
from listmgr.kit.transaction import Transaction  # noqa: E402
from listmgr.runtime.house import House  # noqa: E402
from listmgr.schema import migrate, resource  # noqa: E402
from listmgr.web.context import Services  # noqa: E402
from tests.crowd import make_crowd  # noqa: E402
from tests.people import make_list  # noqa: E402

_TICK = os.sysconf("SC_CLK_TCK")
_MAILS, _OCTETS, _CONNECTIONS, _CPU = range(4)


class SmtpSink:
    """A server that takes everything: its port, how many mails came, its CPU."""

    port: int

    @property
    def mails(self) -> int:
        raise NotImplementedError

    @property
    def cpu(self) -> float:
        """Seconds."""
        raise NotImplementedError

    def wait(self, mails: int, *, seconds: float = 1200) -> None:
        """Until so many mails have come in all."""
        end = time.monotonic() + seconds
        while self.mails < mails:
            if time.monotonic() > end:
                raise SystemExit(f"Only {self.mails:,} of {mails:,} mails came in {seconds:.0f} s.")
            time.sleep(0.002)


class Sink(SmtpSink):
    """Our own sink as a process, and its counts."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        counts = folder / f"counts-{time.monotonic_ns()}"
        self.process = subprocess.Popen(
            [program, *options, counts], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        with counts.open("rb") as file:
            self._counts = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def _count(self, which: int) -> int:
        return int(struct.unpack_from("q", self._counts, 8 * which)[0])

    @property
    def mails(self) -> int:
        return self._count(_MAILS)

    @property
    def cpu(self) -> float:
        """Seconds."""
        return self._count(_CPU) / 1e6

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


class PostfixSink(SmtpSink):
    """Postfix's smtp-sink, which nobody can say we tuned; it knows no CHUNKING."""

    def __init__(self) -> None:
        program = shutil.which("smtp-sink")
        assert program is not None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        to = ["-u", "nobody"] if os.geteuid() == 0 else []
        argv = [program, "-c", *to, f"127.0.0.1:{self.port}", "1000"]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self._mails = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        line = ""
        while piece := os.read(self.process.stdout.fileno(), 1 << 16).decode():
            line = (line + piece)[-200:]
            if found := re.findall(r"mesg=(\d+)\s", line):
                self._mails = int(found[-1])

    @property
    def mails(self) -> int:
        return self._mails

    @property
    def cpu(self) -> float:
        """Seconds."""
        return cpu_seconds(self.process.pid)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextmanager
def smtp_sink() -> Iterator[PostfixSink | None]:
    """Postfix's smtp-sink for a while; None where it is not installed."""
    started = PostfixSink() if shutil.which("smtp-sink") else None
    try:
        yield started
    finally:
        if started:
            started.close()


@contextmanager
def sinks(folder: Path) -> Iterator[Callable[..., Sink]]:
    """Compile the sink; the value starts one with its options."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("The sink needs a C compiler: sudo apt-get install gcc libc6-dev")
    program, started = folder / "sink", []
    subprocess.run([compiler, "-O2", "-o", program, ROOT / "bench/sink.c"], check=True)

    def start(*options: str) -> Sink:
        started.append(Sink(program, folder, *options))
        return started[-1]

    try:
        yield start
    finally:
        for sink in started:
            sink.close()


def family(*pids: int) -> Iterator[int]:
    """Processes and all there is below them."""
    for pid in pids:
        yield pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        yield from family(*map(int, children))


def cpu_seconds(*pids: int) -> float:
    """CPU time of processes and of all that has come and gone below them, from /proc."""
    total = 0.0
    for pid in pids:
        try:
            found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        # utime, stime, and those of children that have been waited for.
        total += sum(int(ticks) for ticks in found[11:15]) / _TICK
        total += cpu_seconds(*(int(child) for child in children))
    return total


def memory(pid: int, what: str) -> float:
    """A line of /proc/PID/status in MB: VmHWM, the most it has held; RssAnon, its own now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1000
    return 0.0


class Place:
    """The servers, the application and as many people as were asked for."""

    def __init__(self, house: House, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {
            "DATABASE_URL": house.database_url,
            "REDIS_URL": house.redis_url,
            "LISTMGR_DATA_DIR": str(folder),
            "LISTMGR_BASE_URL": "https://news.example.org",
            "LISTMGR_DNS_SERVERS": "off",
            "PYTHONPATH": str(ROOT),
        }
        self.settings = load_settings(self.env)
        self.app = create_app(self.settings)
        self.services: Services = self.app.extensions["listmgr"]
        self._context = self.app.app_context()
        self._context.push()
        self.engine = sa.create_engine(house.database_url)
        with self.engine.connect() as connection:
            backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        stat = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
        self.postmaster = int(stat[1])
        self.redis = redis.Redis.from_url(house.redis_url)
        with self.work() as tx:
            self.notice = make_list(tx)[2]

    def leave(self) -> Flask:
        """The application without its context: a browser's requests make their own."""
        self._context.pop()
        return self.app

    def work(self) -> AbstractContextManager[Transaction]:
        """A unit of work whose jobs really go out."""
        return self.services.unit_of_work()

    def crowd(self, confirmed: int, others: int = 0) -> None:
        """So many people, and no others."""
        with self.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            connection.execute(sa.text("TRUNCATE consents, subscribers RESTART IDENTITY CASCADE"))
        make_crowd(self.engine, self.notice.id, confirmed, others)
        self.settle()

    def settle(self) -> None:
        """As before a first campaign of the month, and nothing left for the vacuum to do."""
        with self.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            connection.execute(
                sa.text("UPDATE consents SET last_used_at = NULL WHERE last_used_at IS NOT NULL")
            )
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE consents, subscribers"))
            connection.execute(sa.text("CHECKPOINT"))

    def campaign(self) -> int:
        """A draft of the newsletter to everybody."""
        with self.work() as tx:
            draft = compose.Draft(
                "Mai",
                self.notice.purpose_id,
                "{{ first_name }}, neu im Mai: Räder für die Stadt",
                format="html",
                body=newsletter(),
            )
            return compose.create(tx, draft, operator_id=None, at=now()).id

    def launch(self, campaign_id: int, **changes: int) -> float:
        """Launch without ringing; how many seconds it took."""
        begun = time.perf_counter()
        with self.work() as tx:
            tx.settings = replace(tx.settings, **changes)  # type: ignore[arg-type]
            launch(tx, campaign_id, templates=resource("templates"), at=now())
        return time.perf_counter() - begun

    def ring(self, campaign_id: int) -> None:
        with self.work() as tx:
            ring_campaign(tx, campaign_id)

    def cancel(self, campaign_id: int) -> None:
        with self.work() as tx:
            control.cancel(tx, campaign_id, at=now())

    def pause(self, campaign_id: int) -> None:
        with self.work() as tx:
            control.pause(tx, campaign_id)

    def resume(self, campaign_id: int) -> None:
        with self.work() as tx:
            control.resume(tx, campaign_id)
            ring_campaign(tx, campaign_id)

    def forget(self, campaign_id: int) -> None:
        """Its deliveries go, as after their retention."""
        with self.engine.begin() as connection:
            connection.execute(sa.text(f"DROP TABLE {partition(campaign_id)}"))

    def counts(self, campaign_id: int) -> dict[str, int]:
        """Deliveries by status."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.text(f"SELECT status, count(*) FROM {partition(campaign_id)} GROUP BY 1")
            )
            return {str(status): int(count) for status, count in rows}

    @contextmanager
    def workers(self, count: int, sink: SmtpSink, **env: str) -> Iterator[list[int]]:
        """Real worker processes, ready to work; their process ids."""
        told = self.env | {"LISTMGR_SMTP_URL": f"smtp://127.0.0.1:{sink.port}"} | env
        argv = [sys.executable, "-m", "listmgr", "worker"]
        with (self.folder / "workers.log").open("ab") as log:
            started = [
                subprocess.Popen(argv, env=told, stdout=log, stderr=log, start_new_session=True)
                for _ in range(count)
            ]
        try:
            while Worker.count(connection=self.redis) < count:
                time.sleep(0.05)
            # Jobs that were lying about are done before anything is measured.
            time.sleep(0.5)
            yield [process.pid for process in started]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()
            self.redis.flushall()


@contextmanager
def place() -> Iterator[tuple[Place, Callable[..., Sink]]]:
    """Everything started, and all of it stopped and deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="listmgr-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with House(folder) as house, sinks(folder) as start_sink:
            migrate(house.database_url)
            yield Place(house, folder), start_sink
