"""The site as gunicorn serves it, with a thousand idle and slow connections of each kind."""

from __future__ import annotations

import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.campaigns import compose
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token
from tests.conftest import UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)
from tests.runtime.conftest import HOST, answers, ask

MANY = 1000
SLOW = {
    "idle": b"",
    "half headers": b"GET / HTTP/1.1\r\nHost: news.exam",
    "half body": b"POST /s/none HTTP/1.1\r\nHost: news.example.org\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\na",
    "half chunk": b"POST /s/none HTTP/1.1\r\nHost: news.example.org\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n384\r\na",
}


@pytest.fixture(scope="module", autouse=True)
def many_files() -> None:
    """This side of thousands of connections needs a descriptor for each, too."""
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture
def one_click(uow: UnitOfWork, settings) -> Callable[[], str]:
    """Make a subscriber, and the path by which their mail program unsubscribes them."""
    with uow() as tx:
        _, purpose, notice = make_list(tx)
        draft = compose.Draft("Mai", purpose.id, "Neues", body="Guten Tag!")
        campaign = compose.create(tx, draft, operator_id=None, at=now()).id
    numbers = iter(range(100))

    def make() -> str:
        with uow() as tx:
            consent = make_confirmed(tx, f"p{next(numbers)}@example.org", notice, now())
        keys = settings.secret_keys
        return "/u/" + make_token(keys, TokenPurpose.UNSUBSCRIBE, campaign, consent.subscriber_id)

    return make


def receive(connection: socket.socket, awaited: bytes, *, times: int = 1) -> bytes:
    """Read until what is awaited has come so many times; fails when the connection ends before."""
    answer = b""
    while answer.count(awaited) < times:
        more = connection.recv(65536)
        assert more, answer
        answer += more
    return answer


@contextmanager
def slow_connections(
    port: int, said: bytes, count: int = MANY, *, trickle: bool = True
) -> Iterator[list[socket.socket]]:
    """So many connections on which so much has been said, and one octet more a second."""
    stop = threading.Event()
    with ExitStack() as stack:
        sockets = []
        for _ in range(count):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            made.sendall(said)
            sockets.append(made)

        def say_more() -> None:
            while not stop.wait(1):
                for made in sockets:
                    try:
                        made.send(b"a")
                    except OSError:
                        continue

        if said and trickle:
            thread = threading.Thread(target=say_more)
            thread.start()
            stack.callback(thread.join)
            stack.callback(stop.set)
        yield sockets


@pytest.mark.parametrize("kind", [*SLOW, "all"])
def test_s08_a_thousand_slow_connections_keep_nobody_waiting(site, one_click, session, kind):
    kinds = SLOW if kind == "all" else [kind]
    with ExitStack() as stack:
        for each in kinds:
            stack.enter_context(slow_connections(site, SLOW[each]))
        for path in (one_click(), one_click()):
            assert ask(site, "GET", "/health/live") == (200, pytest.approx(0, abs=2))
            assert ask(site, "POST", path) == (200, pytest.approx(0, abs=2))
    ended = session.execute(sa.text("SELECT count(*) FROM consents WHERE status = 'withdrawn'"))
    assert ended.scalar() == 2


def test_s08_a_thousand_kept_alive_connections_keep_nobody_waiting(site, one_click):
    request = f"GET /health/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with slow_connections(site, request, trickle=False) as sockets:
        for made in sockets:
            assert b" 200 OK" in made.recv(2000)
        assert ask(site, "GET", "/health/live") == (200, pytest.approx(0, abs=2))
        assert ask(site, "POST", one_click()) == (200, pytest.approx(0, abs=2))
        # Each is still open, and good for another request.
        sockets[0].sendall(request)
        assert b" 200 OK" in sockets[0].recv(2000)


def test_s08_slow_headers_and_bodies_are_ended(site):
    with (
        slow_connections(site, SLOW["half headers"], 3) as headers,
        slow_connections(site, SLOW["half body"], 3) as bodies,
    ):
        for made in headers:
            made.settimeout(20)
            assert made.recv(2000).startswith(b"HTTP/1.1 408 ")
        for made in bodies:
            made.settimeout(40)
            assert made.recv(2000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("pieces", [1, 7, 50])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_request_in_pieces_is_read_as_it_was_sent(site, one_click, session, pieces, chunked):
    body = b"5\r\nList-\r\n0\r\nX: y\r\n\r\n" if chunked else b"List-"
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 5"
    paths = [one_click(), one_click()]
    # Two requests behind each other on one connection, wherever they are cut.
    said = b"".join(
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n".encode() + length + b"\r\n\r\n" + body
        for path in paths
    )
    with socket.create_connection(("127.0.0.1", site), 10) as made:
        size = len(said) // pieces + 1
        for begin in range(0, len(said), size):
            made.sendall(said[begin : begin + size])
            time.sleep(0.005)
        answer = receive(made, b"HTTP/1.1 200 OK", times=2)
    assert b"\r\nServer: listmgr\r\n" in answer
    ended = session.execute(sa.text("SELECT count(*) FROM consents WHERE status = 'withdrawn'"))
    assert ended.scalar() == 2


def test_who_waits_to_be_asked_for_the_body_is_asked(site, one_click):
    head = f"POST {one_click()} HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\n"
    with socket.create_connection(("127.0.0.1", site), 10) as made:
        made.sendall(f"{head}Content-Length: 2\r\n\r\n".encode())
        assert made.recv(200).startswith(b"HTTP/1.1 100 Continue")
        made.sendall(b"ab")
        receive(made, b"HTTP/1.1 200 OK")


def test_a_body_too_large_is_refused_unread(site):
    with socket.create_connection(("127.0.0.1", site), 10) as made:
        made.sendall(
            f"POST /s/none HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form"
            "-urlencoded\r\nContent-Length: 900000000\r\n\r\n".encode()
        )
        assert made.recv(200).startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 404 "))
    assert answers(site)


def test_what_is_no_http_is_answered_and_keeps_nobody_waiting(site):
    bad = b"GET / HTTP/9.9\r\nX: y\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(50):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", site), 10))
            made.sendall(bad)
            answer = made.recv(2000)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"gunicorn" not in answer.lower()
        # They stay open on the other side: nobody waits for them to go.
        assert ask(site, "GET", "/health/live") == (200, pytest.approx(0, abs=2))


def postgresql(engine: sa.Engine) -> list[int]:
    """PostgreSQL's processes, the first of them first."""
    with engine.connect() as connection:
        backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    stat = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    postmaster = int(stat[1])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


def test_s08_a_silent_database_leaves_health_alone(site, engine, one_click, session):
    paths = [one_click() for _ in range(40)]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda path=path: statuses.append(ask(site, "POST", path, 90)[0]))
        for path in paths
    ]
    stopped = postgresql(engine)
    began = time.monotonic()
    try:
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        for thread in threads:
            thread.start()
        while time.monotonic() - began < 40:
            assert ask(site, "GET", "/health/live") == (200, pytest.approx(0, abs=2))
            assert ask(site, "GET", "/health/ready") == (503, pytest.approx(2, abs=4))
    finally:
        for process in reversed(stopped):
            os.kill(process, signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(paths)
    assert ask(site, "GET", "/health/ready")[0] == 200
    ended = session.execute(sa.text("SELECT count(*) FROM consents WHERE status = 'withdrawn'"))
    assert ended.scalar() == len(paths)
