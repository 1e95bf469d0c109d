"""Send many mails to one account over kept connections, as many as are worthwhile."""

from __future__ import annotations

import math
import select
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from listmgr.config import MailSettings
from listmgr.delivery.in_flight import InFlight
from listmgr.delivery.smtp.connection import (
    ConnectionLost,
    ProtocolViolation,
    ServerUnavailable,
    SmtpConnection,
    WriteDeadlinePassed,
)
from listmgr.delivery.smtp.pipeline import (
    AT_ONCE,
    Answer,
    Envelope,
    Outcome,
    PipelinedConnection,
)

__all__ = ["Answer", "ConnectionPool", "Envelope", "Outcome", "PoolExhausted", "ServerUnavailable"]

# So many connections are opened at the same time; a server may not like more of one client.
TOGETHER = 8


class PoolExhausted(ServerUnavailable):
    """Other workers hold all connections the account allows."""


class ConnectionPool:
    """Kept connections to one account, which reconnect by themselves.

    It opens one at first, and more while all of them wait for the server: with DATA each mail costs
    a round trip, so throughput to a distant server grows with connections. With CHUNKING one is
    nearly always enough.
    """

    def __init__(
        self,
        account: MailSettings,
        *,
        connections: int | None = None,
        pipelining: bool = True,
        chunking: bool = True,
        in_flight: InFlight | None = None,
        admit: Callable[[], bool] = lambda: True,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        """`admit` decides whether another connection may be opened; `release` is called when one
        ends.
        """
        self.account = account
        self._admit = admit
        self._release = release
        self._pipelining = pipelining
        self._chunking = chunking
        self.in_flight = in_flight or InFlight()
        self._allowed = connections or account.connections
        # Fewer, once the server has refused one more.
        self._most = self._allowed
        self._lines: list[PipelinedConnection] = []
        self._source: Iterator[Envelope] | None = None
        self._outcomes: list[Outcome] = []
        self._write_until = math.inf
        # Told only what changes: it is asked for every few mails.
        self._poll = select.poll()
        self._polled: dict[int, int] = {}
        self._looked = time.monotonic()

    def __enter__(self) -> ConnectionPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def extensions(self) -> dict[str, str]:
        """What the server offers, once connected."""
        return self._lines[0].session.extensions if self._lines else {}

    def connect(self) -> None:
        """Ensure a live connection. Raises ServerUnavailable."""
        for line in list(self._lines):
            if line.session.stale():
                self._drop(line)
        if not self._lines:
            self._most = self._allowed
            self._open()

    def push(self) -> None:
        """Write what the sockets take now, before a pause."""
        for line in self._lines:
            # What is broken is found out when answers are waited for.
            with suppress(ConnectionLost):
                line.session.write()

    def close(self) -> None:
        """Disconnect. Never raises."""
        for line in list(self._lines):
            self._drop(line)
        self.in_flight.close()

    def send(self, envelopes: Iterable[Envelope], *, until: float = math.inf) -> Iterator[Outcome]:
        """Send all envelopes, pulling them as needed; yield one outcome each as answers arrive.

        Nothing is written from `until` on, by the clock of `elapsed`. A connection with unwritten
        data is then closed as soon as its complete mails are answered.

        Raises ServerUnavailable before the first envelope is pulled, never later: if a connection
        breaks, outcomes say what may have been taken; if none is left, no more envelopes are
        pulled.
        """
        self.connect()
        self._write_until = until
        for line in self._lines:
            line.session.write_until = until
            line.limit(self.in_flight.size)
        self._source, self._outcomes = iter(envelopes), []
        whole = False
        try:
            while True:
                self._fill()
                self._write()
                if not any(line.busy for line in self._lines):
                    break
                self._turn()
                yield from self._settled()
            yield from self._settled()
            whole = True
        finally:
            if not whole:
                self.close()

    def _settled(self) -> list[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        if self.in_flight.taken is not None:
            self.in_flight.succeed(sum(outcome.answer is Answer.ACCEPTED for outcome in outcomes))
        return outcomes

    def _fill(self) -> None:
        """Begin as many mails as may be in flight."""
        for line in self._lines.copy():
            if line.has_room:
                self._fill_line(line)
        while self._source is not None and (more := self._some_more()):
            for line in more:
                self._fill_line(line)

    def _fill_line(self, line: PipelinedConnection) -> None:
        while self._source is not None and line.has_room:
            envelope = next(self._source, None)
            if envelope is None:
                self._source = None
            elif (refused := line.begin(envelope)) is not None:
                self._outcomes.append(refused)
            elif line.session.backlog >= AT_ONCE:
                self._exchange(line, select.POLLOUT)

    def _some_more(self) -> list[PipelinedConnection]:
        """Double the connections if all of them wait for the server."""
        if len(self._lines) >= self._most:
            return []
        waiting = [line for line in self._lines if not line.is_ending and line.waits_for_the_server]
        if not waiting or len(self._lines) > len(waiting):
            return []
        try:
            return self._open(min(len(self._lines), self._most - len(self._lines), TOGETHER))
        except ServerUnavailable:
            self._most = len(self._lines)
            return []

    def _open(self, count: int = 1) -> list[PipelinedConnection]:
        """Open connections concurrently, since each handshake takes some round trips.

        Raises ServerUnavailable if none could be opened; otherwise returns those that could.
        """
        admitted = 0
        while admitted < count and self._admit():
            admitted += 1
        if not admitted:
            raise PoolExhausted("All connections this account may have are taken.")
        opened: list[PipelinedConnection] = []
        refused: ServerUnavailable | None = None
        for session in _sessions(self.account, admitted):
            if isinstance(session, ServerUnavailable):
                self._release()
                refused = session
            else:
                session.write_until = self._write_until
                opened.append(
                    PipelinedConnection(
                        session,
                        pipelining=self._pipelining,
                        chunking=self._chunking,
                        most_under_way=self.in_flight.size,
                    )
                )
        self._lines += opened
        if refused is not None:
            if not opened:
                raise refused
            self._most = len(self._lines)
        return opened

    def _drop(self, line: PipelinedConnection) -> None:
        self._lines.remove(line)
        if self._polled.pop(line.at, None) is not None:
            self._poll.unregister(line.at)
        line.session.close()
        self._release()

    def _write(self) -> None:
        """Write directly, since the sockets nearly always have room."""
        for line in self._lines.copy():
            if line.session.writing:
                self._exchange(line, select.POLLOUT)

    def _turn(self) -> None:
        """Wait for input or output and settle every complete reply."""
        for line, events in self._wait():
            self._exchange(line, events)

    def _exchange(self, line: PipelinedConnection, events: int) -> None:
        """Read and write what the connection is ready for."""
        try:
            try:
                _exchange(line.session, events)
            except WriteDeadlinePassed:
                line.expire(self._outcomes)
            if events != select.POLLOUT:
                line.settle(self._outcomes)
                line.answered = line.answered or bool(self._outcomes)
        except ConnectionLost as error:
            self._give_up(line, error)
        else:
            if line.is_ending and not line.busy:
                self._drop(line)

    def _give_up(self, line: PipelinedConnection, error: ConnectionLost) -> None:
        """Drop a broken connection and settle its mails."""
        if not isinstance(error, ProtocolViolation):
            # What the server said before it hung up is worth more than that it did.
            with suppress(ConnectionLost):
                line.session.read()
                line.settle(self._outcomes)
        if line.busy and not line.closing:
            self._be_careful()
        line.give_up(str(error), self._outcomes)
        self._drop(line)
        if line.answered and not self._lines and self._source is not None:
            # A server that ends each connection after some mails takes more by the next one.
            with suppress(ServerUnavailable):
                self._open()

    def _be_careful(self) -> None:
        """Reduce the mails in flight from now on, on the other connections too."""
        self.in_flight.fail()
        for line in self._lines:
            line.limit(self.in_flight.size)

    def _wait(self) -> list[tuple[PipelinedConnection, int]]:
        """Return the connections ready for input or output, and those silent for too long."""
        busy = {line.at: line for line in self._lines if line.busy}
        ready = {at: select.POLLIN for at, line in busy.items() if line.session.decrypted}
        polled = self._polled
        for line in self._lines:
            mask = select.POLLIN | (select.POLLOUT if line.session.writing else 0)
            if polled.get(line.at) != mask:
                self._poll.register(line.at, mask)
                polled[line.at] = mask
        events = dict(self._poll.poll(0 if ready else self.account.timeout * 1000))
        ready |= events
        if not events or time.monotonic() - self._looked > self.account.timeout / 8:
            self._looked = time.monotonic()
            ready |= {at: 0 for at, line in busy.items() if at not in ready and line.session.silent}
        # What says something unasked hangs up, or is found out when it is used again.
        return [(line, ready[line.at]) for line in self._lines if line.at in ready]


def _sessions(account: MailSettings, count: int) -> list[SmtpConnection | ServerUnavailable]:
    """Open connections; return each, or the error instead."""

    def connect(_number: int) -> SmtpConnection | ServerUnavailable:
        try:
            return SmtpConnection(account)
        except ServerUnavailable as error:
            return error

    if count == 1:
        return [connect(0)]
    with ThreadPoolExecutor(count, thread_name_prefix="smtp") as pool:
        return list(pool.map(connect, range(count)))


def _exchange(session: SmtpConnection, events: int) -> None:
    """Read and write what the connection is ready for. Raises ConnectionLost."""
    if not events:
        raise ConnectionLost("the server fell silent")
    if events & ~select.POLLOUT:
        session.read()
    if events & select.POLLOUT:
        session.write()
