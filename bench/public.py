"""What a public page costs: CPU of the web process beside Flask's "hello" on the same server.

    .venv/bin/python bench/public.py [--quick] [--load]

One web process as `listmgr up` runs it, and a second with "hello" beside it; pages and "hello" take
turns, so that whatever else the machine does hits both. CPU is read from /proc (Linux only). The
last line is one JSON object. `--load` measures requests a second and latency instead
(`public_load.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from processes import cpu_seconds
from public_load import load
from public_requests import ENVIRONMENT, ROOT, Page, people, said

from listmgr.config import load_settings
from listmgr.runtime.ports import free_port
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import migrate

GET_MOST, POST_MOST, DATABASE_MOST = 5.0, 8.0, 1.0
HELLO = """
from flask import Flask
app = Flask("hello")
app.get("/")(lambda: "hello")
"""


def send(connection: socket.socket, request: bytes) -> bytes:
    """The answer's head, when all of it is here."""
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head


@contextmanager
def served(app: str, env: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The port and the process of an application on the product's own server."""
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", app, f"--bind=127.0.0.1:{port}"]
    argv.append("--config=python:listmgr.runtime.gunicorn_config")
    process = subprocess.Popen(argv, env=env)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > end or process.poll() is not None:
                    raise SystemExit(f"{app} does not answer.") from None
                time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def postmaster(engine: sa.Engine) -> int:
    """The process all of PostgreSQL's are children of."""
    with engine.connect() as connection:
        backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def measure(
    page: Page, port: int, times: int, web: Callable[[], float], database: Callable[[], float]
) -> None:
    """Send so many requests over one connection, and note what each has cost."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        before, below = web(), database()
        for _ in range(times):
            head = send(connection, next(page.requests))
            if page.status not in head.split(b"\r\n")[0] + b" ":
                raise SystemExit(f"{page.method}: {head.decode()}")
        page.web.append(1000 * (web() - before) / times)
        page.database.append(1000 * (database() - below) / times)


def main() -> None:
    """Measure, print, and fail when a figure is not met."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer requests, under 40 seconds")
    options.add_argument("--load", action="store_true", help="requests a second beside a campaign")
    chosen = options.parse_args()
    quick = chosen.quick
    if chosen.load:
        raise SystemExit(load(quick=quick))
    rounds, each = (3, 60) if quick else (7, 200)
    with tempfile.TemporaryDirectory(prefix="listmgr bench ") as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "hello.py").write_text(HELLO)
        with EmbeddedServers(folder) as house:
            migrate(house.owner_url, application_url=house.database_url)
            env = os.environ | ENVIRONMENT | {"LISTMGR_WEB_PROCESSES": "1"}
            env |= {"DATABASE_URL": house.database_url, "REDIS_URL": house.redis_url}
            env |= {"LISTMGR_DATA_DIR": made, "PYTHONPATH": f"{ROOT}:{made}"}
            engine = sa.create_engine(house.database_url)
            # The first round warms up.
            pages = people(load_settings(env), engine, (rounds + 1) * each + 1)
            hello = Page("GET", iter(lambda: said("GET", "/"), b""))
            first = postmaster(engine)
            with (
                served("listmgr.app:create_app()", env) as (port, process),
                served("hello:app", env) as (hello_port, hello_process),
            ):
                for _ in range(rounds + 1):
                    for page in pages.values():
                        measure(
                            hello, hello_port, each, lambda: cpu_seconds(hello_process), lambda: 0.0
                        )
                        measure(
                            page,
                            port,
                            each,
                            lambda: cpu_seconds(process),
                            lambda: cpu_seconds(first),
                        )
            engine.dispose()
    raise SystemExit(report(pages, hello))


def report(pages: dict[str, Page], hello: Page) -> int:
    """Print a line for each page, and the last line for programs; 1 when a figure is not met."""
    # Many short rounds: /proc counts in hundredths of a second, too coarse for a median of them.
    floor = statistics.fmean(hello.web[len(pages) :])
    print(f"{'':18}{'web ms':>8}{'x hello':>9}{'PostgreSQL ms':>15}")
    print(f"{'hello':18}{floor:8.2f}{1:9.1f}")
    figures: dict[str, object] = {"hello_ms": round(floor, 3)}
    failed = []
    for name, page in pages.items():
        web, database = statistics.median(page.web[1:]), statistics.median(page.database[1:])
        print(f"{name:18}{web:8.2f}{web / floor:9.1f}{database:15.2f}")
        figures[name] = {"web_ms": round(web, 3), "ratio": round(web / floor, 2)} | {
            "postgresql_ms": round(database, 3)
        }
        most = GET_MOST if page.method == "GET" else POST_MOST
        if web / floor > most or database > DATABASE_MOST:
            failed.append(name)
    print(json.dumps(figures | {"failed": failed}))
    return 1 if failed else 0


if __name__ == "__main__":
    main()
