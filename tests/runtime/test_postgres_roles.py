"""The embedded PostgreSQL's roles, also in a data directory that an earlier version has made."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.proof import proof, verify
from listmgr.kit.transaction import transaction
from listmgr.runtime.data_folder import owned_folder
from listmgr.runtime.postgres import _binaries
from listmgr.runtime.process import spawn
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="roles of a house ") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@contextmanager
def earlier_version(folder: Path) -> Iterator[str]:
    """PostgreSQL as versions until 0.1 ran it: one superuser, who is trusted; its URL."""
    binaries, data, log = _binaries(folder), owned_folder(folder / "postgres"), folder / "log"
    command = [binaries / "initdb", "-D", data, "-U", "listmgr", "--auth=trust"]
    assert spawn([*command, "--encoding=UTF8", "--locale=C.UTF-8"], log=log).wait() == 0
    with tempfile.TemporaryDirectory(prefix="lm-pg-", dir="/tmp") as name:
        sockets = owned_folder(Path(name))
        options = ["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]
        server = spawn([binaries / "postgres", "-D", data, "-k", sockets, *options], log=log)
        try:
            _make_database(sockets)
            yield f"postgresql+psycopg://listmgr@/listmgr?host={sockets}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def _make_database(sockets: Path) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            connection = psycopg.connect(
                host=str(sockets), user="listmgr", dbname="postgres", autocommit=True
            )
        except psycopg.OperationalError:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            with connection:
                connection.execute("CREATE DATABASE listmgr")
            return


def owners(url: str) -> set[tuple[str, str]]:
    query = (
        "SELECT 'table', pg_get_userbyid(relowner) FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace UNION"
        " SELECT 'function', pg_get_userbyid(proowner) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace UNION"
        " SELECT 'database', pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'listmgr'"
    )
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return {(row[0], row[1]) for row in connection.execute(sa.text(query))}


def test_s05_a_data_directory_of_an_earlier_version_is_handed_over_and_keeps_everything(
    folder: Path, settings: Settings
):
    with earlier_version(folder) as url:
        migrate(url)
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with transaction(lambda: Session(engine), settings, lambda _jobs: None) as tx:
            consent_id = make_confirmed(tx, "anna@example.org", make_list(tx)[2], NOW).id
            tx.session.execute(
                sa.text(
                    "CREATE TABLE deliveries_7 PARTITION OF deliveries FOR VALUES IN (7);"
                    " INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, status,"
                    " begun_at) VALUES (7, 1, 1, 'sent', now())"
                )
            )
    for _ in range(2):
        with EmbeddedServers(folder) as house:
            migrate(house.owner_url, application_url=house.database_url)
            assert owners(house.database_url) == {
                ("table", "listmgr_owner"),
                ("function", "listmgr_owner"),
                ("database", "listmgr_owner"),
            }
            engine = sa.create_engine(house.database_url, poolclass=sa.NullPool)
            with Session(engine) as session:
                assert verify(proof(session, consent_id)) == 3
                assert session.scalar(sa.text("SELECT current_user")) == "listmgr_app"
                assert session.scalar(sa.text("UPDATE deliveries_7 SET reply = '' RETURNING 1"))
                session.rollback()
                with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                    session.execute(sa.text("DELETE FROM consent_events"))


def test_s05_neither_trust_nor_a_password_stands_in_the_rules_of_access(folder: Path):
    with EmbeddedServers(folder):
        rules = [
            line.split()
            for line in (folder / "postgres" / "pg_hba.conf").read_text().splitlines()
            if not line.startswith("#")
        ]
        assert [(rule[0], rule[3]) for rule in rules] == [("local", "peer")] * 2


def test_s05_the_application_enters_no_other_database(folder: Path):
    with EmbeddedServers(folder) as house:
        url = house.database_url.replace("/listmgr?", "/postgres?")
        with pytest.raises(sa.exc.OperationalError, match="pg_hba"):
            sa.create_engine(url).connect()
