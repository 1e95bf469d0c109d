"""PgBouncer in transaction mode: each transaction may get another connection of the server's."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from listmgr.runtime.accounts import POSTGRES, unprivileged
from listmgr.runtime.ports import free_port
from listmgr.runtime.process import spawn
from listmgr.runtime.servers import EmbeddedServers

BINARY = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = pytest.mark.skipif(
    BINARY is None, reason="no PgBouncer; install it with: apt-get install pgbouncer"
)
SETTING = "?prepare_threshold=none"


@contextmanager
def let_in(house: EmbeddedServers, superuser: sa.Engine) -> Iterator[None]:
    """Let the account that PgBouncer runs under be the application, until the next start."""
    account = unprivileged(POSTGRES)
    name = account.pw_name if account else pwd.getpwuid(os.geteuid()).pw_name
    with superuser.connect() as connection:
        path = Path(connection.scalar(sa.text("SHOW ident_file")))
        before = path.read_text()
        path.write_text(f'{before}listmgr "{name}" listmgr_app\n')
        connection.execute(sa.text("SELECT pg_reload_conf()"))
        yield
        path.write_text(before)
        connection.execute(sa.text("SELECT pg_reload_conf()"))


@pytest.fixture
def pooled(house: EmbeddedServers, engine: sa.Engine, superuser: sa.Engine) -> Iterator[str]:
    """The database behind a PgBouncer with three connections; its URL without any setting."""
    sockets = house.database_url.partition("?host=")[2].replace("%2F", "/")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        config = folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\nlistmgr = host={sockets} dbname=listmgr user=listmgr_app\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"
        )
        with let_in(house, superuser):
            server = spawn([str(BINARY), config], log=folder / "log")
            url = f"postgresql://listmgr_app@127.0.0.1:{port}/listmgr"
            try:
                _wait(url, folder / "log")
                yield url
            finally:
                server.terminate()
                server.wait(10)


def _wait(url: str, log: Path) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return


def test_d06_many_at_once_prepare_nothing_that_another_would_miss(pooled: str):
    def ask(number: int) -> list[int]:
        url = pooled.replace("postgresql:", "postgresql+psycopg:") + SETTING
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        found = []
        with engine.connect() as connection:
            for _ in range(20):
                found.append(connection.scalar(sa.text("SELECT :n"), {"n": number}))
                connection.commit()
        return found

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(12))) == [[number] * 20 for number in range(12)]
