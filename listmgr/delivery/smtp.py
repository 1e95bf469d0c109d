"""Hands many mails over one kept connection: pipelined (RFC 2920), in chunks (RFC 3030) if offered.

Every envelope gets exactly one outcome. RSET stands before each mail, so that what one recipient
was refused for can never become part of the next one's transaction.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from listmgr.config import MailSettings
from listmgr.delivery.smtp_session import Broken, Reply, ServerAway, Session

__all__ = ["Answer", "Channel", "Envelope", "Outcome", "ServerAway"]

_ADDRESS = re.compile(r"[^\x00-\x20\x7f<>]{0,320}").fullmatch
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_BUSY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail to one recipient. `data` has CRLF line ends only and no line that begins with a dot,
    so the same octets serve DATA and BDAT; `key` is the caller's own.
    """

    key: int
    sender: str
    recipient: str
    data: bytes
    smtputf8: bool = False


class Answer(enum.StrEnum):
    """Whether the server has the mail."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    # It may have it: never to be sent again blindly (M-16).
    UNCERTAIN = "uncertain"
    # It surely has not: may be sent again.
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an envelope; `reply` is one line of at most 300 characters."""

    key: int
    answer: Answer
    code: int
    reply: str


class _Stage(enum.IntEnum):
    RSET = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    END = 4


@dataclass(slots=True)
class _Flight:
    """A mail under way: which reply comes next, and where its last octet is in the stream."""

    envelope: Envelope
    commands: deque[bytes]
    stage: _Stage = _Stage.RSET
    refusal: Reply | None = None
    ends_at: int | None = None


class Channel:
    """A kept connection to one account; it reconnects by itself."""

    def __init__(
        self,
        account: MailSettings,
        *,
        pipelining: bool = True,
        chunking: bool = True,
        window: int = 50,
    ) -> None:
        self.account = account
        self._allowed = {"PIPELINING": pipelining, "CHUNKING": chunking and pipelining}
        self._window = window
        self._session: Session | None = None
        self._flights: deque[_Flight] = deque()
        self._closing = ""

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> Session:
        """Connect, if there is no live connection; raises ServerAway."""
        if self._session is not None and self._session.stale():
            self.close()
        if self._session is None:
            self._session = Session(self.account)
        return self._session

    def close(self) -> None:
        """Hang up; never raises."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def send(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        """Send all, pulling them as they can go; one outcome each, as answers come.

        Raises ServerAway before the first one is pulled, never later: when the connection breaks,
        outcomes say what may have been taken, and no more envelopes are pulled.
        """
        session = self.connect()
        self._flights.clear()
        self._closing = ""
        source: Iterator[Envelope] | None = iter(envelopes)
        whole = False
        try:
            while True:
                if source is not None and not self._closing:
                    source = yield from self._fill(session, source)
                if not self._flights:
                    break
                yield from self._turn(session)
            whole = not self._closing
        except Broken as error:
            yield from self._give_up(session, str(error))
        finally:
            if not whole:
                self.close()

    def _fill(
        self, session: Session, source: Iterator[Envelope]
    ) -> Generator[Outcome, None, Iterator[Envelope] | None]:
        """Start as many mails as may be under way; returns None when there are no more."""
        while self._room(session):
            envelope = next(source, None)
            if envelope is None:
                return None
            refusal = self._refused_here(session, envelope)
            if refusal:
                yield Outcome(envelope.key, Answer.REFUSED, refusal.code, refusal.text)
            else:
                self._start(session, envelope)
        return source

    def _room(self, session: Session) -> bool:
        if not self._flights:
            return True
        if self._has(session, "CHUNKING"):
            return len(self._flights) < self._window and session.queued - session.sent < _BUSY_BYTES
        # With DATA the next mail's commands go out with the end of this one's body.
        last = self._flights[-1]
        return (
            self._has(session, "PIPELINING") and len(self._flights) < 2 and last.ends_at is not None
        )

    def _has(self, session: Session, extension: str) -> bool:
        return self._allowed[extension] and extension in session.extensions

    def _refused_here(self, session: Session, envelope: Envelope) -> Reply | None:
        """What must not, or cannot, go to this server."""
        if not (_ADDRESS(envelope.sender) and _ADDRESS(envelope.recipient) and envelope.recipient):
            return Reply(501, "5.1.3 this address cannot stand in a command")
        if not envelope.recipient.isascii() and not envelope.smtputf8:
            return Reply(553, "5.6.7 this address needs SMTPUTF8")
        if envelope.smtputf8 and "SMTPUTF8" not in session.extensions:
            return Reply(553, "5.6.7 the mail server does not know SMTPUTF8")
        size = session.extensions.get("SIZE", "")
        if size.isdigit() and 0 < int(size) < len(envelope.data):
            return Reply(552, f"5.3.4 the mail is larger than the {size} octets the server takes")
        if not self._has(session, "CHUNKING") and not _safe(envelope.data):
            return Reply(554, "5.6.0 the mail holds a lone line end or a line that begins with .")
        return None

    def _start(self, session: Session, envelope: Envelope) -> None:
        utf8 = " BODY=8BITMIME SMTPUTF8" if envelope.smtputf8 else ""
        commands = [
            b"RSET\r\n",
            f"MAIL FROM:<{envelope.sender}>{utf8}\r\n".encode(),
            f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
        ]
        flight = _Flight(envelope, deque())
        self._flights.append(flight)
        if self._has(session, "CHUNKING"):
            commands += [f"BDAT {len(envelope.data)} LAST\r\n".encode(), envelope.data]
            flight.ends_at = session.queue(b"".join(commands))
            return
        commands.append(b"DATA\r\n")
        if self._has(session, "PIPELINING"):
            session.queue(b"".join(commands))
        else:
            flight.commands.extend(commands[1:])
            session.queue(commands[0])

    def _turn(self, session: Session) -> Iterator[Outcome]:
        """Exchange octets once and settle every reply that is whole."""
        session.exchange()
        while self._flights and (reply := session.reply()) is not None:
            flight = self._flights[0]
            outcome = self._settle(session, flight, reply)
            if reply.code == 421:
                self._closing = reply.text
            if outcome is not None:
                self._flights.popleft()
                yield outcome

    def _settle(self, session: Session, flight: _Flight, reply: Reply) -> Outcome | None:
        """Take the next reply of a mail; its outcome when that was the last."""
        stage = flight.stage
        if stage in {_Stage.MAIL, _Stage.RCPT} and not 200 <= reply.code < 300:
            flight.refusal = flight.refusal or reply
        if stage < _Stage.DATA:
            flight.stage = _Stage(stage + 1)
            if flight.commands:
                session.queue(flight.commands.popleft())
            return None
        if stage is _Stage.DATA and not self._has(session, "CHUNKING"):
            return self._body(session, flight, reply)
        if flight.refusal is not None:
            return _outcome(flight, Answer.REFUSED, flight.refusal)
        taken = 200 <= reply.code < 300
        return _outcome(flight, Answer.ACCEPTED if taken else Answer.REFUSED, reply)

    def _body(self, session: Session, flight: _Flight, reply: Reply) -> Outcome | None:
        if reply.code != 354:
            return _outcome(flight, Answer.REFUSED, flight.refusal or reply)
        flight.stage = _Stage.END
        # Asked for a body though it had refused the recipient: it gets an empty one.
        body = b".\r\n" if flight.refusal else b"".join((flight.envelope.data, b".\r\n"))
        flight.ends_at = session.queue(body)
        return None

    def _give_up(self, session: Session, why: str) -> Iterator[Outcome]:
        """The connection broke. What has left whole may have been taken, the rest was not."""
        for flight in self._flights:
            if flight.refusal is not None:
                yield _outcome(flight, Answer.REFUSED, flight.refusal)
                continue
            left = flight.ends_at is not None and session.sent >= flight.ends_at
            # After 421 the server looks at nothing more (RFC 5321, 3.8).
            uncertain = left and not self._closing
            answer = Answer.UNCERTAIN if uncertain else Answer.UNTOUCHED
            yield _outcome(flight, answer, Reply(0, self._closing or why))
        self._flights.clear()


def _safe(data: bytes) -> bool:
    """No line end that is not CRLF, no line that begins with a dot (CVE-2023-51764: smuggling)."""
    lines = data.count(b"\r\n")
    return (
        data.endswith(b"\r\n")
        and not data.startswith(b".")
        and b"\n." not in data
        and lines == data.count(b"\n") == data.count(b"\r")
    )


def _outcome(flight: _Flight, answer: Answer, reply: Reply) -> Outcome:
    text = (
        _CONTROLS.sub(" ", reply.text)[:300] if not reply.text.isprintable() else reply.text[:300]
    )
    return Outcome(flight.envelope.key, answer, reply.code, text)
