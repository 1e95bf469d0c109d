"""A gunicorn worker that withstands thousands of idle and slow connections.

gunicorn's `gthread` gives a connection to a thread at its first byte, and the thread waits for the
rest: as many slow clients as threads stop the site. Here the poller reads requests, and a thread
gets only complete ones (decision 0062).
"""

from __future__ import annotations

import re
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

# What the Server header says: no program's version.
wsgi.SERVER = "listmgr"

# Seconds for all headers, counted from the first octet; between two requests of a connection the
# setting `keepalive` counts.
HEADER_SECONDS = 10.0
# Seconds for a body: so many, and one more for each 16 KiB.
BODY_SECONDS = 20.0
OCTETS_A_SECOND = 16 * 1024
# gunicorn's own limits allow more; no browser comes near it.
MOST_HEADERS = 64 * 1024
# A larger body is read by its thread: only views for operators who have signed in take one, and
# everywhere else it is refused unread (MAX_CONTENT_LENGTH, guard.py).
MOST_BODY = 2 * 1024 * 1024 + 64 * 1024
# Unfinished bodies of all connections of a process together, in octets. Beyond it only small ones
# are still collected.
MOST_COLLECTED = 64 * 1024 * 1024
SMALL_BODY = 16 * 1024
# Seconds a thread waits for a visitor to take an answer, or to send more of a large body.
THREAD_SECONDS = 20.0
# An answer that fits here never keeps a thread waiting for a slow reader.
SEND_BUFFER = 512 * 1024
# Seconds the last answer of a connection is left to arrive (RFC 9112, 9.6).
LINGER_SECONDS = 2.0
_RECV = 64 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]*\r\n")
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_HEALTH = (b"GET /health/", b"HEAD /health/")


class Arrival:
    """The received part of one request, and how much is still missing.

    It only decides when to hand over; gunicorn's parser alone interprets the bytes.
    """

    def __init__(self) -> None:
        self.octets = bytearray()
        # Where the body begins, 0 before all headers are there; where it ends, -1 when chunked.
        self.body = 0
        self.end = 0
        # Where the next chunk begins.
        self._chunk = 0

    def add(self, octets: bytes) -> None:
        """Append received bytes."""
        searched = max(0, len(self.octets) - 3)
        self.octets += octets
        if not self.body:
            self._look_for_body(searched)

    @property
    def whole(self) -> bool:
        """Whether a thread can process it without waiting; also for what only a parser can
        refuse.
        """
        if not self.body:
            return len(self.octets) > MOST_HEADERS
        if self.end < 0:
            return self._last_chunk_is_here() or len(self.octets) - self.body > MOST_BODY
        return len(self.octets) >= self.end or self.end - self.body > MOST_BODY

    @property
    def streams(self) -> bool:
        """Whether its thread must still read from the connection."""
        return not self.body or len(self.octets) < self.end or self.end < 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for permission to send the body (RFC 9110, 10.1.1)."""
        return bool(self.body and _EXPECT.search(self.octets, 0, self.body))

    @property
    def seconds(self) -> float:
        """The time allowed from its first byte on."""
        if not self.body:
            return HEADER_SECONDS
        length = min(max(self.end - self.body, len(self.octets) - self.body), MOST_BODY)
        return HEADER_SECONDS + BODY_SECONDS + length / OCTETS_A_SECOND

    def _look_for_body(self, searched: int) -> None:
        at = self.octets.find(b"\r\n\r\n", searched)
        if at < 0:
            return
        self.body = self._chunk = at + 4
        length = _LENGTH.search(self.octets, 0, self.body)
        self.end = self.body + (int(length[1]) if length else 0)
        if _CHUNKED.search(self.octets, 0, self.body):
            self.end = -1

    def _last_chunk_is_here(self) -> bool:
        """Skip complete chunks; return True also for an invalid one."""
        while True:
            size = _CHUNK_SIZE.match(self.octets, self._chunk)
            if size is None:
                return b"\n" in self.octets[self._chunk : self._chunk + MOST_HEADERS]
            if int(size[1], 16) == 0:
                # Its own line ends where the trailers begin; without any, at once.
                at = self.octets.find(b"\r\n\r\n", size.end() - 2)
                self.end = at + 4 if at >= 0 else -1
                return at >= 0
            following = size.end() + int(size[1], 16) + 2
            if following > len(self.octets):
                return False
            self._chunk = following


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection with the bytes received on it."""

    def __init__(self, *given: Any) -> None:  # noqa: ANN401
        super().__init__(*given)
        self.arrival = Arrival()
        # Its last answer is on the way; what it still sends is thrown away.
        self.closing = False
        self.began = 0.0
        self.timeout = 0.0

    def init(self) -> None:
        """Feed the parser what has arrived. Called in a thread, before each request."""
        super().init()
        self.sock.settimeout(THREAD_SECONDS)
        self.parser.unreader.unread(bytes(self.arrival.octets))


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """`gthread` whose threads get complete requests."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        # Connections no thread works on, the one that has waited longest first.
        self.waiting: dict[Connection, None] = {}
        self.collected = 0
        self.sweep_at = 0.0

    def init_process(self) -> None:
        """Create the threads; health checks have their own, which no silent database can block."""
        self.health = ThreadPoolExecutor(max_workers=2)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; above the limit, close the one that has been idle longest."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        connection = Connection(self.cfg, sock, address, listener.getsockname())
        connection.data_ready = True
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections and self.waiting:
            self._close(next(iter(self.waiting)))
        self._wait_for(connection, HEADER_SECONDS)

    def finish_request(self, connection: Connection, done: Future[Any]) -> None:
        """Wait for the next request, or until the last response is delivered. In the main
        thread.
        """
        streamed, connection.arrival = connection.arrival.streams, Arrival()
        if done.cancelled() or done.exception() is not None:
            self.nr_conns -= 1
            connection.close()
        elif done.result() and not streamed:
            self._wait_for(connection, self.cfg.keepalive)
            rest = connection.parser.unreader.take_buffered()
            if rest:
                self._take(connection, rest)
        else:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_WR)
            connection.closing = True
            self._wait_for(connection, LINGER_SECONDS)

    def enqueue_req(self, connection: Connection) -> None:
        """Hand a complete request to a thread."""
        pool = self.health if connection.arrival.octets.startswith(_HEALTH) else self.tpool
        done = pool.submit(self.handle, connection)
        done.add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, connection, future)
        )

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections whose time is up. Called after each round of events; checks once a
        second.
        """
        now = time.monotonic()
        if now < self.sweep_at and not force:
            return
        self.sweep_at = now + 1.0
        latest = now if force else now + LINGER_SECONDS
        for connection in list(self.waiting):
            if not self.alive:
                connection.timeout = min(connection.timeout, latest)
            if connection.timeout <= now:
                self._refuse(connection)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ANN401, ARG002
        """Answer an unreadable request without logging the client's address."""
        super().handle_error(req, client, ("-", 0), exc)

    def _keepalive_after(self, connection: Connection, keepalive: bool) -> bool:
        """Close connections with an unread body, so that no thread waits for it."""
        return not connection.arrival.streams and bool(
            super()._keepalive_after(connection, keepalive)
        )

    def _wait_for(self, connection: Connection, seconds: float) -> None:
        connection.sock.setblocking(False)
        connection.began = 0.0
        connection.timeout = time.monotonic() + seconds
        self.waiting[connection] = None
        self.poller.register(connection.sock, EVENT_READ, partial(self._readable, connection))

    def _readable(self, connection: Connection, sock: socket.socket) -> None:
        if connection not in self.waiting:
            return  # It was closed for another, earlier in the same round.
        try:
            octets = sock.recv(_RECV)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._close(connection)
        elif not connection.closing:
            self._take(connection, octets)

    def _take(self, connection: Connection, octets: bytes) -> None:
        arrival, now = connection.arrival, time.monotonic()
        connection.began = connection.began or now
        had_headers = bool(arrival.body)
        arrival.add(octets)
        self.collected += len(octets)
        if arrival.whole:
            self._forget(connection)
            self.enqueue_req(connection)
            return
        connection.timeout = connection.began + arrival.seconds
        if self.collected > MOST_COLLECTED and len(arrival.octets) > SMALL_BODY:
            self._refuse(connection)
        elif not had_headers and arrival.expects_continue:
            with suppress(OSError):
                connection.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse(self, connection: Connection) -> None:
        if connection.arrival.octets:
            with suppress(OSError):
                connection.sock.send(_TOO_SLOW)
        self._close(connection)

    def _forget(self, connection: Connection) -> None:
        """Remove a connection from those waiting."""
        del self.waiting[connection]
        self.collected -= len(connection.arrival.octets)
        self.poller.unregister(connection.sock)

    def _close(self, connection: Connection) -> None:
        self._forget(connection)
        self.nr_conns -= 1
        connection.close()
