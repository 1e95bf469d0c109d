"""Where the sending benchmarks take place: real servers, a crowd, worker processes, and a sink.

Not a benchmark itself. CPU is read from /proc, so Linux is needed; the sink needs a C compiler
(`sudo apt-get install gcc libc6-dev`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import redis
import sqlalchemy as sa
from flask import Flask

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from render import newsletter  # noqa: E402
from sinks import Sink, SmtpSink, sinks  # noqa: E402

from listmgr.app import create_app  # noqa: E402
from listmgr.campaigns import compose, control  # noqa: E402
from listmgr.config import load_settings  # noqa: E402
from listmgr.context import Services  # noqa: E402
from listmgr.delivery.launch import launch  # noqa: E402
from listmgr.delivery.models import partition_name  # noqa: E402
from listmgr.delivery.sweep import enqueue_campaign  # noqa: E402
from listmgr.installation.identity import verify_database  # noqa: E402
from listmgr.kit.clock import now  # noqa: E402
from listmgr.kit.transaction import Transaction  # noqa: E402
from listmgr.runtime.servers import EmbeddedServers  # noqa: E402
from listmgr.schema import migrate, resource  # noqa: E402
from tests.factories import make_list  # noqa: E402
from tests.many_subscribers import make_crowd  # noqa: E402


class Place:
    """The servers, the application and as many people as were asked for."""

    def __init__(self, house: EmbeddedServers, folder: Path) -> None:
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
        # Not the application's: it sets triggers aside, and empties tables.
        self.engine = sa.create_engine(house.superuser_url)
        with self.engine.connect() as connection:
            backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        stat = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
        self.postmaster = int(stat[1])
        self.redis = redis.Redis.from_url(house.redis_url)
        # Before there is anybody: later their invented fingerprints would tell of other keys.
        verify_database(self.settings)
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
        """Nothing is left for the vacuum to do."""
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
            enqueue_campaign(tx, campaign_id)

    def cancel(self, campaign_id: int) -> None:
        with self.work() as tx:
            control.cancel(tx, campaign_id, at=now())

    def pause(self, campaign_id: int) -> None:
        with self.work() as tx:
            control.pause(tx, campaign_id)

    def resume(self, campaign_id: int) -> None:
        with self.work() as tx:
            control.resume(tx, campaign_id)
            enqueue_campaign(tx, campaign_id)

    def forget(self, campaign_id: int) -> None:
        """Its deliveries go, as after their retention."""
        with self.engine.begin() as connection:
            connection.execute(sa.text(f"DROP TABLE {partition_name(campaign_id)}"))

    def counts(self, campaign_id: int) -> dict[str, int]:
        """Deliveries by status."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.text(f"SELECT status, count(*) FROM {partition_name(campaign_id)} GROUP BY 1")
            )
            return {str(status): int(count) for status, count in rows}

    def _waiting(self) -> int:
        """How many processes wait for jobs."""
        return sum(client["cmd"] == "blpop" for client in self.redis.client_list())

    @contextmanager
    def workers(self, count: int, sink: SmtpSink, **env: str) -> Iterator[list[int]]:
        """Real worker processes, ready to work; their process ids."""
        told = self.env | {"LISTMGR_SMTP_URL": f"smtp://127.0.0.1:{sink.port}"} | env
        argv = [sys.executable, "-m", "listmgr", "worker", "--queues"]
        with (self.folder / "workers.log").open("ab") as log:
            started = [
                subprocess.Popen(
                    [*argv, queues], env=told, stdout=log, stderr=log, start_new_session=True
                )
                for queues in ("mail,work,send", *["send"] * (count - 1))
            ]
        try:
            while self._waiting() < count + 2:
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
        with EmbeddedServers(folder) as house, sinks(folder) as start_sink:
            migrate(house.owner_url, application_url=house.database_url)
            yield Place(house, folder), start_sink
