"""PgBouncer as a process, for what a pooler or a password in front of PostgreSQL changes."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from listmgr.runtime.ports import free_port
from listmgr.runtime.process import spawn
from tests.runtime.conftest import wait_until

BINARY = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(
    BINARY is None, reason="no PgBouncer; install it with: apt-get install pgbouncer"
)


@contextmanager
def pgbouncer(database: str, *lines: str, users: str = "") -> Iterator[str]:
    """Host and port of a PgBouncer with one database, `listmgr`, and these settings."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text(users)
        own = (f"listen_port = {port}", "listen_addr = 127.0.0.1", "unix_socket_dir =")
        config = folder / "pgbouncer.ini"
        own += (f"auth_file = {folder}/users",)
        head = (f"[databases]\nlistmgr = {database}\n[pgbouncer]",)
        config.write_text("\n".join((*head, *own, *lines, "")))
        server = spawn([str(BINARY), config], log=folder / "log")

        def listens() -> bool:
            assert server.poll() is None, (folder / "log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_until(listens)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(10)
