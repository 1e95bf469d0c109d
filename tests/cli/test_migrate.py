"""`listmgr migrate`: two roles in a server of one's own, and errors in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.runtime.ports import free_port
from listmgr.runtime.servers import EmbeddedServers

# As docs/operating.md says.
SET_UP = (
    "CREATE ROLE two_roles_owner LOGIN",
    "CREATE ROLE two_roles_app LOGIN",
    "CREATE DATABASE two_roles OWNER two_roles_owner",
)
TAKE_DOWN = (
    "DROP DATABASE IF EXISTS two_roles WITH (FORCE)",
    "DROP ROLE IF EXISTS two_roles_owner",
    "DROP ROLE IF EXISTS two_roles_app",
)
IN_IT = (
    "REVOKE ALL ON DATABASE two_roles FROM PUBLIC",
    "GRANT CONNECT, TEMPORARY ON DATABASE two_roles TO two_roles_app",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT ALL ON SCHEMA public TO two_roles_owner",
)


def migrate(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if "LISTMGR" not in name}
    return subprocess.run(
        [sys.executable, "-m", "listmgr", "migrate"],
        env=clean | {"LISTMGR_DATA_DIR": str(folder), "REDIS_URL": "redis://127.0.0.1:1/0"} | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("postgresql://listmgr:secret-word@127.0.0.1:{port}/listmgr", "refused"),
        ("postgresql://somebody:secret-word@/listmgr?host={sockets}", "somebody"),
        ("postgresql://listmgr_app:secret-word@/missing?host={sockets}", "missing"),
        ("mysql://listmgr:secret-word@127.0.0.1/listmgr", "postgresql://"),
        ("listmgr:secret-word", "postgresql://"),
    ],
)
def test_d13_what_cannot_be_migrated_is_said_in_one_sentence(
    house: EmbeddedServers, tmp_path: Path, url: str, part: str
):
    sockets = house.database_url.partition("?host=")[2]
    told = migrate(tmp_path, DATABASE_URL=url.format(port=free_port(), sockets=sockets))
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1, told.stderr
    assert part in told.stderr
    assert "secret-word" not in told.stderr + told.stdout


@pytest.fixture
def two_roles(house: EmbeddedServers) -> Iterator[tuple[str, str]]:
    """A database of an owner and an application; their URLs, by way of the superuser's socket."""
    admin = sa.create_engine(
        house.superuser_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    inside = house.superuser_url.replace("/listmgr?", "/two_roles?")
    # The embedded server lets in its own roles alone; each session takes the other role at once.
    told = [f"{inside}&options=-c%20role%3D{role}" for role in ("two_roles_owner", "two_roles_app")]
    with admin.connect() as connection:
        for statement in TAKE_DOWN + SET_UP:
            connection.execute(sa.text(statement))
    engine = sa.create_engine(inside, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in IN_IT:
            connection.execute(sa.text(statement))
    yield told[0], told[1]
    with admin.connect() as connection:
        for statement in TAKE_DOWN:
            connection.execute(sa.text(statement))


def test_s05_an_owner_migrates_and_the_application_gets_its_rights(
    two_roles: tuple[str, str], tmp_path: Path
):
    owner, application = two_roles
    for _ in range(2):
        told = migrate(tmp_path, DATABASE_URL=application, LISTMGR_OWNER_DATABASE_URL=owner)
        assert told.returncode == 0, told.stderr
        assert told.stdout == "The database is at the newest schema.\n"
    engine = sa.create_engine(application, poolclass=sa.NullPool)
    with engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM consent_events")) == 0
        connection.execute(
            sa.text(
                "INSERT INTO campaign_contents (frozen_at, subject, text, html, from_name,"
                " from_address, list_header, language, sha256)"
                " VALUES (now(), '', '', '', '', '', '', 'de', '')"
            )
        )
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.text("TRUNCATE consent_events"))


def test_s05_one_role_for_both_works_as_before_and_is_told_what_is_safer(
    two_roles: tuple[str, str], tmp_path: Path
):
    owner, _ = two_roles
    told = migrate(tmp_path, DATABASE_URL=owner)
    assert told.returncode == 0, told.stderr
    first, advice = told.stdout.splitlines()
    assert first == "The database is at the newest schema."
    assert "LISTMGR_OWNER_DATABASE_URL" in advice
