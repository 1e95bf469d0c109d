"""F13: ordinary operation raises no alarm; a rolled back or copied cluster does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.config import Settings
from listmgr.installation import identity_file
from listmgr.installation.identity import check_folder
from listmgr.installation.identity_file import IdentityFile
from listmgr.installation.journal_writer import JournalWriter
from listmgr.kit.installation_state import HoldReason
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate
from tests.installation.conftest import Host


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="listmgr identity ") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def host_of(house: EmbeddedServers, settings: Settings, folder: Path) -> Host:
    return Host(replace(settings, database_url=house.database_url, data_dir=folder))


def copy_of(source: Path, target: Path) -> None:
    """With the owners of the files, as whoever copies a server's files does it."""
    subprocess.run(["cp", "-a", source, target], check=True)


def keep(host: Host) -> int:
    """As the scheduler has it done every minute, and every act of a person at once."""
    return JournalWriter(host.engine(), host.settings).keep()


def test_f13_no_alarm_when_the_server_is_killed_again_and_again(settings, folder: Path):
    with EmbeddedServers(folder, queue="redis://none") as house:
        migrate(house.owner_url, application_url=house.database_url)
        host = host_of(house, settings, folder)
        host.installation()
        server = house.servers[0]
        for number in range(3):
            for _ in range(5):
                keep(host)
            assert IdentityFile(folder).read().mark == 6 + 5 * number
            os.kill(server._process.pid, signal.SIGKILL)
            server._process.wait()
            # Its own children notice when they are asked the next time.
            end = time.monotonic() + 20
            while True:
                try:
                    server.start()
                    break
                except RuntimeFailure:
                    assert time.monotonic() < end
                    time.sleep(0.2)
            assert host.installation().held_at is None
    with EmbeddedServers(folder, queue="redis://none") as house:
        assert host_of(house, settings, folder).installation().held_at is None


def test_f13_a_snapshot_of_the_server_that_is_brought_back_is_noticed(settings, folder: Path):
    """The data directory of the hosts is not in it: the database has gone back, they have not."""
    outside = folder / "host"
    with EmbeddedServers(folder, queue="redis://none") as house:
        migrate(house.owner_url, application_url=house.database_url)
        host_of(house, settings, outside).installation()
    copy_of(folder / "postgres", folder / "snapshot")
    with EmbeddedServers(folder, queue="redis://none") as house:
        keep(host_of(house, settings, outside))
    shutil.rmtree(folder / "postgres")
    copy_of(folder / "snapshot", folder / "postgres")
    with EmbeddedServers(folder, queue="redis://none") as house:
        host = host_of(house, settings, outside)
        first = host.installation()
        assert (first.held_because, first.generation) == (HoldReason.OLDER, 2)
        # It is said once: the second look and further marks raise nothing more.
        keep(host)
        assert host.installation().generation == 2


def test_f13_a_data_directory_that_was_copied_with_its_database_is_noticed(
    settings, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    first, copy, moved = folder / "first", folder / "copy", folder / "moved"
    first.mkdir(mode=0o755)
    with EmbeddedServers(first, queue="redis://none") as house:
        migrate(house.owner_url, application_url=house.database_url)
        host = host_of(house, settings, first)
        host.installation()
        for _ in "12":
            check_folder(host.settings)
        assert host.installation().held_at is None
    copy_of(first, copy)
    # Renamed it is the same; copied to the same path of another machine it is not.
    first.rename(moved)
    with EmbeddedServers(moved, queue="redis://none") as house:
        host = host_of(house, settings, moved)
        check_folder(host.settings)
        assert host.installation().held_at is None
    with EmbeddedServers(copy, queue="redis://none") as house:
        host = host_of(house, settings, copy)
        check_folder(host.settings)
        assert host.installation().held_because is HoldReason.COPIED
    machine = folder / "machine-id"
    machine.write_text("another\n")
    monkeypatch.setattr(identity_file, "MACHINE", machine)
    before = IdentityFile(moved).read().folder
    same_path = (before[0] + 1, before[1], "another")
    assert identity_file.is_copy(before, same_path)
    assert not identity_file.is_copy(before, (before[0], before[1], "another"))
    assert not identity_file.is_copy(before, (before[0] + 1, *before[1:]))


def test_f13_a_new_database_beside_an_old_data_directory_is_no_alarm(settings, folder: Path):
    with EmbeddedServers(folder, queue="redis://none") as house:
        migrate(house.owner_url, application_url=house.database_url)
        host = host_of(house, settings, folder)
        before = host.installation().id
        engine = sa.create_engine(house.database_url)
        with engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM installation"))
        engine.dispose()
        again = host.installation()
        assert (again.id, again.held_at, again.generation) == (before, None, 2)
