"""What a public page costs: CPU of the web process beside Flask's "hello" on the same server.

    .venv/bin/python bench/public.py [--quick]

One web process as `listmgr up` runs it, and a second with "hello" beside it; pages and "hello" take
turns, so that whatever else the machine does hits both. CPU is read from /proc (Linux only). The
last line is one JSON object.
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
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from processes import cpu_seconds  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402

from listmgr.campaigns import compose  # noqa: E402
from listmgr.config import Settings, load_settings  # noqa: E402
from listmgr.consent.models import ServiceMail, ServiceMailStatus  # noqa: E402
from listmgr.kit.clock import now  # noqa: E402
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash  # noqa: E402
from listmgr.kit.transaction import transaction  # noqa: E402
from listmgr.lists.signup_forms import FormWords, create_form  # noqa: E402
from listmgr.runtime.ports import free_port  # noqa: E402
from listmgr.runtime.servers import EmbeddedServers  # noqa: E402
from listmgr.schema import migrate  # noqa: E402
from tests.factories import make_confirmed, make_list, make_pending  # noqa: E402

HOST = "news.example.org"
GET_MOST, POST_MOST, DATABASE_MOST = 5.0, 8.0, 1.0
ENVIRONMENT = {
    "LISTMGR_BASE_URL": f"https://{HOST}",
    "LISTMGR_DNS_SERVERS": "off",
    "LISTMGR_SIGNUP_MIN_SECONDS": "0",
    "LISTMGR_SIGNUPS_PER_HOUR": "1000000",
    "LISTMGR_DOMAIN_PER_HOUR": "1000000",
    "LISTMGR_WEB_PROCESSES": "1",
}
HELLO = """
from flask import Flask
app = Flask("hello")
app.get("/")(lambda: "hello")
"""


@dataclass(slots=True)
class Page:
    """Requests of a kind, and the milliseconds of CPU each round of them took a request."""

    method: str
    requests: Iterator[bytes]
    status: bytes = b" 200 "
    web: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)


def said(method: str, path: str, body: str = "") -> bytes:
    """A request as a browser sends it."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: de,en-US;q=0.7,en;q=0.3",
        "Accept-Encoding: gzip, deflate, br",
    ]
    if method == "POST":
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


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


def people(settings: Settings, engine: sa.Engine, count: int) -> dict[str, Page]:
    """As many people as there will be requests, and the pages they open."""
    keys = settings.secret_keys
    with transaction(lambda: Session(engine), settings, lambda _jobs: None) as tx:
        _, purpose, notice = make_list(tx)
        form = create_form(
            tx, FormWords("Post", "Mail"), slug="mail", purpose_ids=[purpose.id], at=now()
        )
        draft = compose.Draft("Mai", purpose.id, "Neues", body="Guten Tag!")
        campaign = compose.create(tx, draft, operator_id=None, at=now()).id
        confirmed = [make_confirmed(tx, f"c{n}@c.example", notice, now()) for n in range(2 * count)]
        for n in range(count):
            make_pending(tx, f"p{n}@p.example", notice, now())
        tx.session.flush()
        pending = []
        waiting = tx.session.scalars(
            sa.select(ServiceMail).order_by(ServiceMail.id.desc()).limit(count)
        )
        for service_mail in waiting:
            pending.append(make_token(keys, TokenPurpose.CONFIRM, service_mail.id))
            service_mail.token_hash = token_hash(pending[-1])
            service_mail.status, service_mail.sent_at = ServiceMailStatus.SENT, now()
        who = [(consent.subscriber_id, consent.id) for consent in confirmed]
        slug, notice_id = form.slug, notice.id

    def unsubscribe(subscriber: int) -> str:
        return "/u/" + make_token(keys, TokenPurpose.UNSUBSCRIBE, campaign, subscriber)

    def preferences(subscriber: int) -> str:
        return "/p/" + make_token(keys, TokenPurpose.PREFERENCES, subscriber)

    one_click, by_page = who[:count], who[count:]
    gets = {
        "form": f"/s/{slug}",
        "confirm": f"/c/{pending[0]}",
        "unsubscribe": unsubscribe(by_page[0][0]),
        "preferences": preferences(by_page[0][0]),
    }
    return {
        f"GET {name}": Page("GET", iter([said("GET", path)] * count)) for name, path in gets.items()
    } | {
        "POST sign-up": Page(
            "POST",
            (
                said("POST", f"/s/{slug}", f"address=s{n}%40s{n}.example&notice={notice_id}")
                for n in range(count)
            ),
            b" 303 ",
        ),
        "POST confirm": Page("POST", (said("POST", f"/c/{token}") for token in pending[1:])),
        "POST one-click": Page(
            "POST",
            (
                said("POST", unsubscribe(subscriber), "List-Unsubscribe=One-Click")
                for subscriber, _ in one_click
            ),
        ),
        "POST preferences": Page(
            "POST",
            (
                said("POST", preferences(subscriber), f"leave={consent}")
                for subscriber, consent in by_page[1:]
            ),
        ),
    }


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
    quick = options.parse_args().quick
    rounds, each = (3, 60) if quick else (7, 200)
    with tempfile.TemporaryDirectory(prefix="listmgr bench ") as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "hello.py").write_text(HELLO)
        with EmbeddedServers(folder) as house:
            migrate(house.owner_url, application_url=house.database_url)
            env = os.environ | ENVIRONMENT
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
    floor = statistics.median(hello.web[len(pages) :])
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
