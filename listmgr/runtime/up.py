"""`listmgr up`: every part of an installation on one machine, started, watched and ended."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from listmgr.config import Settings, load_settings
from listmgr.runtime.house import House
from listmgr.runtime.ports import free_port
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.supervisor import Part, Supervisor
from listmgr.schema import migrate

START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line said."""

    data_dir: Path
    host: str
    port: int
    workers: int


@dataclass(frozen=True, slots=True)
class Site:
    """A running installation."""

    settings: Settings
    env: dict[str, str]
    mailbox_url: str


def run(wanted: Wanted, work: Callable[[Site], bool]) -> None:
    """Start everything, call `work` when all answers, and watch as long as it says so.

    Raises RuntimeFailure with what to do.
    """
    with _only_one(wanted.data_dir):
        _port_is_free(wanted.host, wanted.port)
        given = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
        with House(
            wanted.data_dir, database=given["DATABASE_URL"], queue=given["REDIS_URL"]
        ) as house:
            migrate(house.database_url)
            parts, site = _plan(wanted, house)
            supervisor = Supervisor(parts, wanted.data_dir / "logs")
            try:
                supervisor.start()
                _wait_for(site)
                if work(site):
                    supervisor.watch(house.healthy)
            finally:
                supervisor.stop()


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeFailure(
                f"listmgr already runs over {data_dir}. Stop it first, or give --data-dir."
            ) from None
        yield


def _port_is_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RuntimeFailure(
                f"Port {port} of {host} cannot be used ({error.strerror}). Give another: --port"
            ) from None


def _plan(wanted: Wanted, house: House) -> tuple[list[Part], Site]:
    """Which processes there will be; what they are told, they are told by their environment."""
    env = dict(os.environ)
    env["DATABASE_URL"] = house.database_url
    env["REDIS_URL"] = house.redis_url
    env["LISTMGR_DATA_DIR"] = str(wanted.data_dir)
    env.setdefault("LISTMGR_BASE_URL", f"http://{wanted.host}:{wanted.port}")
    parts, mailbox_url = [], ""
    if "LISTMGR_SMTP_URL" not in env:
        smtp_port, http_port = free_port(), free_port()
        mailbox_url = f"http://127.0.0.1:{http_port}"
        env["LISTMGR_SMTP_URL"] = f"smtp://127.0.0.1:{smtp_port}"
        # Mail goes to this machine's mailbox: whether a domain takes any does not matter.
        env.setdefault("LISTMGR_DNS_SERVERS", "off")
        parts.append(
            Part("mailbox", _command("mailbox", f"--smtp-port={smtp_port}", http_port), env)
        )
    parts.append(Part("scheduler", _command("scheduler"), env))
    parts.append(Part("worker-mail", _command("worker", "--queues=mail,work"), env))
    parts += [
        Part(f"worker-{number}", _command("worker", "--queues=send,work"), env)
        for number in range(1, wanted.workers + 1)
    ]
    parts.append(Part("web", _gunicorn(wanted), env))
    return parts, Site(load_settings(env), env, mailbox_url)


def _command(name: str, *options: str | int) -> list[str]:
    told = [f"--http-port={option}" if isinstance(option, int) else option for option in options]
    return [sys.executable, "-m", "listmgr", name, *told]


def _gunicorn(wanted: Wanted) -> list[str]:
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "listmgr.app:create_app()",
        f"--bind={wanted.host}:{wanted.port}",
        "--worker-class=gthread",
        "--workers=1",
        "--threads=8",
        "--graceful-timeout=8",
        # Paths carry the secrets of links: they are written nowhere (T-21).
        "--log-level=warning",
        "--no-control-socket",
    ]


def _wait_for(site: Site) -> None:
    """Until the web, and through it PostgreSQL and Valkey, answer."""
    base = site.env["LISTMGR_BASE_URL"]
    pages = [f"{base}/health/ready"] + ([site.mailbox_url] if site.mailbox_url else [])
    end = time.monotonic() + START_SECONDS
    for page in pages:
        while not _answers(page):
            if time.monotonic() > end:
                raise RuntimeFailure(f"{page} does not answer; see the logs beside the data.")
            time.sleep(0.05)


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=5) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
