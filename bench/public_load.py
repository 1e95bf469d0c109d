"""Load on the public pages: `bench/public.py --load`.

As many web processes as cores, as `listmgr up` runs them. Each page alone, as fast as 16
connections go; then sign-up, confirm, one-click and preferences at 300 a second each, while a
campaign sends 1,000 mails a second. A request that had to wait for its turn counts from when it was
due. Afterwards rows are counted: nothing may be lost. The load comes from this process by raw
sockets, and its CPU is printed beside each figure.
"""

from __future__ import annotations

import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import sqlalchemy as sa
from place import Place, place
from processes import cpu_seconds
from public_requests import ENVIRONMENT, Page, people
from sinks import Sink

from listmgr.config import load_settings
from listmgr.kit.errors import Refused
from listmgr.runtime.ports import free_port

CONNECTIONS = 16
GET_LEAST, POST_RATE, CAMPAIGN_RATE, P99_MOST = 500, 300, 1000, 0.25
# What each POST leaves behind.
ROWS = {
    "POST sign-up": "SELECT count(*) FROM signups",
    "POST confirm": "SELECT count(*) FROM consent_events WHERE action = 'confirm'",
    "POST one-click": "SELECT count(*) FROM consent_events WHERE action = 'withdraw'",
    "POST preferences": "SELECT count(*) FROM consent_events WHERE action = 'withdraw'",
}


@dataclass(slots=True)
class Exchange:
    """A request under way on one connection."""

    due: float
    answer: bytes = b""

    def is_complete(self) -> bool:
        """Whether the head and all of the body have come."""
        head, blank, body = self.answer.partition(b"\r\n\r\n")
        if not blank:
            return False
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        return len(body) >= int(length)


@dataclass(frozen=True, slots=True)
class Load:
    """Answers a second, seconds of the slowest of 99 in 100, failures, and CPU of this process."""

    rate: float
    p99: float
    failed: int
    generator_cpu: float


class Driver:
    """Sends requests over keep-alive connections: at a rate, or as fast as they are answered."""

    def __init__(self, port: int, page: Page) -> None:
        self._page = page
        self._poll = select.epoll()
        self._free: deque[socket.socket] = deque()
        self._under_way: dict[int, tuple[socket.socket, Exchange]] = {}
        self._took: list[float] = []
        self._failed = 0
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port), 10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._poll.register(connection, select.EPOLLIN)
            self._free.append(connection)

    def run(self, count: int, rate: float | None = None) -> Load:
        """Send so many requests, at so many a second or as fast as possible."""
        begun, cpu, sent = time.monotonic(), time.process_time(), 0
        while len(self._took) + self._failed < count:
            while self._free and sent < count:
                due = begun + sent / rate if rate else time.monotonic()
                if due > time.monotonic():
                    break
                self._send(due)
                sent += 1
            wait = 1.0
            if rate and self._free and sent < count:
                wait = max(0.0, begun + sent / rate - time.monotonic())
            for descriptor, _event in self._poll.poll(wait):
                self._receive(descriptor)
        took = time.monotonic() - begun
        return Load(
            rate=len(self._took) / took,
            p99=statistics.quantiles(self._took, n=100)[98],
            failed=self._failed,
            generator_cpu=(time.process_time() - cpu) / took,
        )

    def close(self) -> None:
        """Close all connections."""
        for connection in self._free:
            connection.close()
        self._poll.close()

    def _send(self, due: float) -> None:
        connection = self._free.popleft()
        self._under_way[connection.fileno()] = (connection, Exchange(due))
        connection.sendall(next(self._page.requests))

    def _receive(self, descriptor: int) -> None:
        connection, exchange = self._under_way[descriptor]
        piece = connection.recv(65536)
        if not piece:
            raise SystemExit("The web server closed a connection under way.")
        exchange.answer += piece
        if not exchange.is_complete():
            return
        del self._under_way[descriptor]
        self._free.append(connection)
        if self._page.status in exchange.answer.split(b"\r\n")[0] + b" ":
            self._took.append(time.monotonic() - exchange.due)
        else:
            self._failed += 1


def drive(port: int, page: Page, count: int, rate: float | None = None) -> Load:
    """Measure a page over connections of its own."""
    driver = Driver(port, page)
    try:
        return driver.run(count, rate)
    finally:
        driver.close()


@contextmanager
def started(*argv: str, env: dict[str, str]) -> Iterator[int]:
    """The process id of a module's program while the context is open."""
    process = subprocess.Popen([sys.executable, "-m", *argv], env=env)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def campaign(at: Place, sink: Sink) -> Iterator[None]:
    """A campaign that sends CAMPAIGN_RATE mails a second while the context is open."""
    campaign_id = at.campaign()
    at.launch(campaign_id)
    env = at.env | {
        "LISTMGR_SMTP_URL": f"smtp://127.0.0.1:{sink.port}",
        "LISTMGR_SEND_RATE": str(CAMPAIGN_RATE),
    }
    with started("listmgr", "worker", "--queues=send", env=env):
        at.ring(campaign_id)
        sink.wait(sink.mails + CAMPAIGN_RATE, seconds=60)
        yield
        with suppress(Refused):
            at.cancel(campaign_id)


def load(*, quick: bool) -> int:
    """Measure, print, and return 1 if a figure is not met."""
    seconds = 1 if quick else 10
    count = POST_RATE * seconds
    figures: dict[str, dict[str, float]] = {}
    with place() as (at, start_sink), ExitStack() as stack:
        at.crowd(20_000 if quick else 120_000)
        env = at.env | ENVIRONMENT
        pages = people(load_settings(env), at.engine, count + 60)
        sink, port = start_sink(), free_port()
        config = "--config=python:listmgr.runtime.gunicorn_config"
        argv = ("gunicorn", "listmgr.app:create_app()", config, f"--bind=127.0.0.1:{port}")
        web = stack.enter_context(started(*argv, env=env))
        wait_for(port)
        for name, page in pages.items():
            if page.method == "GET":
                drive(port, page, 50)
                figures[name] = figures_of(drive(port, page, count - 100))
        with campaign(at, sink):
            for name, page in pages.items():
                if page.method == "POST":
                    figures[name] = beside_campaign(at, sink, (port, web), name, page, count)
    return report(figures)


def beside_campaign(
    at: Place, sink: Sink, web: tuple[int, int], name: str, page: Page, count: int
) -> dict[str, float]:
    """Measure a POST at its rate, and count what it left in the database."""
    port, process = web
    drive(port, page, 50)
    with at.engine.connect() as connection:
        before = connection.scalar(sa.text(ROWS[name]))
    mails, begun, cpu = sink.mails, time.monotonic(), cpu_seconds(process)
    measured = drive(port, page, count, POST_RATE)
    took = time.monotonic() - begun
    with at.engine.connect() as connection:
        lost = count - (connection.scalar(sa.text(ROWS[name])) - before)
    return figures_of(measured) | {
        "lost": lost,
        "mails_a_second": round((sink.mails - mails) / took),
        "web_cpu": round((cpu_seconds(process) - cpu) / took, 2),
    }


def wait_for(port: int) -> None:
    """Wait until the web server listens."""
    end = time.monotonic() + 60
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > end:
            raise SystemExit("The web server does not answer.")
        time.sleep(0.05)


def figures_of(measured: Load) -> dict[str, float]:
    """Round what was measured."""
    return {
        "rate": round(measured.rate),
        "p99_ms": round(1000 * measured.p99),
        "failed": measured.failed,
        "generator_cpu": round(measured.generator_cpu, 2),
    }


def report(figures: dict[str, dict[str, float]]) -> int:
    """Print a line for each page, and the last line for programs; 1 if a figure is not met."""
    missed = []
    for name, found in figures.items():
        print(f"{name:18}" + "  ".join(f"{key} {value}" for key, value in found.items()))
        # The last request of an open loop is answered after its second.
        least = GET_LEAST if name.startswith("GET") else 0.98 * POST_RATE
        lost = found["failed"] or found.get("lost", 0)
        if found["rate"] < least or found["p99_ms"] > 1000 * P99_MOST or lost:
            missed.append(name)
    print(json.dumps({"load": os.getloadavg()[0], "pages": figures, "failed": missed}))
    return 1 if missed else 0
