"""What tests stand on: a real PostgreSQL, a real Valkey, a clean database for each test."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import redis
import sqlalchemy as sa
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from listmgr.config import MailSettings, Settings
from listmgr.kit.db import db
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction, transaction
from listmgr.operators import passwords
from listmgr.runtime import postgres
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate
from tests.one_app import OneApp

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

# Machines are noisy: a slow example is no failure. Each run looks at others.
hypothesis.settings.register_profile("steady", deadline=None, max_examples=50)
hypothesis.settings.load_profile("steady")

# A password of a test guards nothing. What the product's own costs is looked at by a test.
PRODUCTS_HASHER = passwords._hasher
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

# Real processes, killed and started again: minutes. Beginning last, they would keep one worker
# busy while the others have nothing left to do. What kills and measures is one worker's matter.
LONG = ("tests/journeys/",)
LONG_TOO = ("tests/runtime/", "tests/browser/")
# Hundreds in a second.
LIGHT = ("tests/delivery/test_message_headers.py",)

UnitOfWork = Callable[[], AbstractContextManager[Transaction]]
# As long as the product asks of its own, so that processes can be told of them.
SECRET_KEY = "test-secret".ljust(40, ".")
SUPPRESSION_KEY = "test-suppression".ljust(40, ".")
ANCHOR_KEY = "test-anchor".ljust(40, ".")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, two of them begin with the long tests; the first has little else.

    Among themselves, all keep the order that was drawn for them.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers == 1:
        return
    # pytest-xdist deals out a quarter first, evenly, and then what each has still room for.
    first_dealt = len(items) // (4 * workers)
    long, too, light = (
        [item for item in items if item.nodeid.startswith(which)]
        for which in (LONG, LONG_TOO, LIGHT)
    )
    head = long + light[: max(0, first_dealt - len(long))] + too
    taken = set(head)
    items[:] = head + [item for item in items if item not in taken]


@pytest.fixture(scope="session")
def house() -> Iterator[EmbeddedServers]:
    """The embedded servers, started once and stopped with the tests.

    TEST_POSTGRES_BIN names the folder of another PostgreSQL's programs to run the tests on.
    """
    if another := os.environ.get("TEST_POSTGRES_BIN"):
        postgres._binaries = lambda _root: Path(another)
    with tempfile.TemporaryDirectory(prefix="listmgr test ") as folder:
        path = Path(folder)
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            path.chmod(0o755)
        with EmbeddedServers(path) as started:
            _hurry(started)
            migrate(started.owner_url, application_url=started.database_url)
            yield started


def _hurry(house: EmbeddedServers) -> None:
    """Power failures are no topic of a test; whoever kills a server starts one of their own."""
    engine = sa.create_engine(house.superuser_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for what in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {what} = off"))
        # A circle of locks is found before it dissolves by itself.
        connection.execute(sa.text("ALTER SYSTEM SET deadlock_timeout = '50ms'"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(scope="session")
def shared_engine(house: EmbeddedServers) -> Iterator[sa.Engine]:
    """The engine of the whole run, as the application connects."""
    engine = sa.create_engine(house.database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_superuser(house: EmbeddedServers) -> Iterator[sa.Engine]:
    """What cleans between two tests, and does what the application may not."""
    engine = sa.create_engine(house.superuser_url)
    yield engine
    engine.dispose()


# A TRUNCATE makes new files for every table and index it names and for all that refer to it, an
# ALTER SEQUENCE for the sequence: few rows are deleted, and VACUUM makes the file as short as new.
MANY_OCTETS = 2**18
_FILLED = sa.text(
    "SELECT quote_ident(relname) AS name, pg_relation_size(oid) AS octets FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT relispartition"
    " AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0"
)
_AS_NEW = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT quote_ident(relname) FROM pg_class WHERE relispartition AND relkind = 'r'
  LOOP EXECUTE 'DROP TABLE ' || name; END LOOP;
  {statements}
  -- What was rolled back used numbers up as well.
  PERFORM setval(quote_ident(sequencename)::regclass, start_value, false) FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""


def empty(engine: sa.Engine) -> None:
    """Take everything out. Only a superuser can set the triggers aside; the product is none."""
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        filled = connection.execute(_FILLED).all()
        few = [table.name for table in filled if table.octets <= MANY_OCTETS]
        many = [table.name for table in filled if table.octets > MANY_OCTETS]
        statements = [f"DELETE FROM {name};" for name in few]
        if many:
            statements.append(f"TRUNCATE {', '.join(many)} CASCADE;")
        connection.exec_driver_sql(_AS_NEW.format(statements="".join(statements)))
    if few:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            newer = engine.dialect.server_version_info >= (16,)
            options = "(SKIP_DATABASE_STATS)" if newer else ""
            connection.exec_driver_sql(f"VACUUM {options} {', '.join(few)}")


@pytest.fixture
def engine(
    shared_engine: sa.Engine, shared_superuser: sa.Engine, house: EmbeddedServers
) -> sa.Engine:
    """The application's engine, with an empty database and an empty Valkey behind it."""
    empty(shared_superuser)
    redis.Redis.from_url(house.redis_url).flushall()
    return shared_engine


@pytest.fixture
def superuser(engine: sa.Engine, shared_superuser: sa.Engine) -> sa.Engine:
    """The superuser's engine, over the same empty database: its triggers still hold."""
    return shared_superuser


@pytest.fixture
def settings(house: EmbeddedServers, tmp_path: Path) -> Settings:
    """Settings with fixed secrets and no waiting."""
    return Settings(
        data_dir=tmp_path,
        base_url="https://news.example.org",
        database_url=house.database_url,
        redis_url=house.redis_url,
        secret_keys=(SECRET_KEY,),
        suppression_key=SUPPRESSION_KEY.encode(),
        anchor_key=ANCHOR_KEY.encode(),
        mail=MailSettings(sender="lists@news.example.org"),
        signup_min_seconds=0,
        signups_per_hour=10_000,
    )


@pytest.fixture
def jobs() -> list[Job]:
    """What the units of work of this test rang."""
    return []


@pytest.fixture
def uow(engine: sa.Engine, settings: Settings, jobs: list[Job]) -> UnitOfWork:
    """Opens a unit of work: commits at its end, remembers its jobs in `jobs`."""

    def open_one() -> AbstractContextManager[Transaction]:
        return transaction(
            lambda: Session(engine, expire_on_commit=False),
            settings,
            lambda rung: jobs.extend(rung),
        )

    return open_one


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    """A session to look with; what it changes is thrown away."""
    with Session(engine) as opened:
        yield opened


@pytest.fixture(scope="session")
def one_app(house: EmbeddedServers) -> Iterator[OneApp]:
    """What the tests of a worker lend each other."""
    kept = OneApp()
    yield kept
    kept.close()


@pytest.fixture
def app(engine: sa.Engine, settings: Settings, one_app: OneApp) -> Iterator[Flask]:
    """The web application over the same servers."""
    yield one_app.lend(settings)
    one_app.take_back()


@pytest.fixture
def app_with(engine: sa.Engine, settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Make an application of its own, with changed settings or with the given ones."""
    with ExitStack() as stack:

        def make(settings: Settings = settings, **changes: object) -> Flask:
            from listmgr.app import create_app

            app = create_app(replace(settings, **changes))
            stack.callback(close_connections, app)
            return app

        yield make


def close_connections(app: Flask) -> None:
    """Close the connections of an application, once no thread of it holds one."""
    with app.app_context():
        engine = db.engine
    end = time.monotonic() + 10
    while engine.pool.checkedout():
        assert time.monotonic() < end, "a connection is never given back"
        time.sleep(0.01)
    engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without scripts."""
    return app.test_client()
