"""The mails in flight on one connection: pipelined (RFC 2920), in chunks (RFC 3030) if offered.

Every envelope gets exactly one outcome. RSET precedes each mail, so that a refused recipient can
never become part of the next transaction.
"""

from __future__ import annotations

import enum
import re
import sys
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from listmgr.delivery.smtp.connection import (
    ProtocolViolation,
    Reply,
    SmtpConnection,
)
from listmgr.kit.smtp_reply import one_line

_ADDRESS = re.compile(r"[^\x00-\x20\x7f<>]{0,320}").fullmatch
# RFC 1870 (4): twenty digits at most.
_SIZE = re.compile(r"[0-9]{1,20}").fullmatch
# What is answered when all is well: to RSET, MAIL, RCPT and BDAT; with DATA, before and after the
# body. Each is one line.
_CHUNKED = re.compile(rb"(?:250 [^\r\n]*\r?\n){3}250 ([^\r\n]*)\r?\n")
_GO_ON = re.compile(rb"(?:250 [^\r\n]*\r?\n){3}354([^\r\n]*)\r?\n")
_TAKEN = re.compile(rb"250 ([^\r\n]*)\r?\n")
# Octets written at once: fewer wake the server less often, more are no longer in the cache.
AT_ONCE = 1 << 19


class Envelope(NamedTuple):
    """One mail to one recipient. `data` has only CRLF line ends and no line that begins with a dot,
    so the same bytes serve DATA and BDAT; `key` belongs to the caller.

    `made_here` marks bytes and addresses whose producer has ensured that; others are checked.
    """

    key: int
    sender: str
    recipient: str
    data: bytes
    smtputf8: bool = False
    made_here: bool = False


class Answer(enum.StrEnum):
    """Whether the server has the mail."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    # It may have it: never to be sent again blindly (M-16).
    UNCERTAIN = "uncertain"
    # It surely has not: may be sent again.
    UNTOUCHED = "untouched"
    # The same, by our own doing: the time in which it might be written was over.
    EXPIRED = "expired"


class Outcome(NamedTuple):
    """Outcome of an envelope; `reply` is one line of at most 300 characters.

    `before_recipient`: refused at MAIL FROM or for a size announced by EHLO, so it says nothing
    about the recipient.
    """

    key: int
    answer: Answer
    code: int
    reply: str
    before_recipient: bool = False


class _Stage(enum.IntEnum):
    RSET = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    END = 4


@dataclass(slots=True)
class _InFlightMail:
    """A mail in flight: which reply comes next, and where its last byte is in the stream.

    Queued data is not kept here too: memory that is freed at once is still in the cache.
    """

    key: int
    body: bytes = b""
    commands: list[bytes] | None = None
    stage: _Stage = _Stage.RSET
    refusal: Reply | None = None
    before_recipient: bool = False
    ends_at: int | None = None


class PipelinedConnection:
    """A connection and its mails in flight, in the order of replies."""

    def __init__(
        self, session: SmtpConnection, *, pipelining: bool, chunking: bool, most_under_way: int
    ) -> None:
        self.session = session
        self._flights: deque[_InFlightMail] = deque()
        # Its socket's number.
        self.at = session.sock.fileno()
        self.pipelining = pipelining and "PIPELINING" in session.extensions
        self.chunking = self.pipelining and chunking and "CHUNKING" in session.extensions
        # What the server said when it told us to go away: nothing more is begun here.
        self.closing = ""
        # Whether a mail was left unfinished here: nothing more may be written.
        self.expired = False
        # Whether anything was answered here: then the server serves, whatever it does later.
        self.answered = False
        self._can_chunk = self.chunking
        self.limit(most_under_way)
        size = session.extensions.get("SIZE", "")
        self._largest = (int(size) if _SIZE(size) else 0) or sys.maxsize

    def limit(self, most_under_way: int) -> None:
        """Limit the mails in flight; a single one waits for the server's go-ahead before its
        body.
        """
        self._most = most_under_way
        if not self._flights:
            self.chunking = self._can_chunk and most_under_way > 1
            self._usual = _CHUNKED if self.chunking else _GO_ON

    @property
    def busy(self) -> bool:
        """Whether mails are in flight."""
        return bool(self._flights)

    @property
    def is_ending(self) -> bool:
        """Whether no further mail may begin here."""
        return bool(self.closing) or self.expired

    @property
    def has_room(self) -> bool:
        """Whether another mail may begin now."""
        if self.is_ending:
            return False
        if not self._flights:
            return True
        if self.chunking:
            return len(self._flights) < self._most and self.session.backlog < AT_ONCE
        # With DATA the next mail's commands go out with the end of this one's body.
        return self.pipelining and len(self._flights) < 2 and self._flights[-1].ends_at is not None

    @property
    def waits_for_the_server(self) -> bool:
        """Whether the server's answers, not our output, leave no room."""
        return not self.chunking or len(self._flights) >= self._most

    def begin(self, envelope: Envelope) -> Outcome | None:
        """Begin a mail by queuing its commands.

        Returns an outcome for a mail that must not, or cannot, go to this server.
        """
        key, sender, recipient, data, smtputf8, made_here = envelope
        if not made_here or smtputf8 or len(data) > self._largest:
            refusal = self._refusal(envelope)
            if refusal is not None:
                return Outcome(key, Answer.REFUSED, *refusal)
        utf8 = " BODY=8BITMIME SMTPUTF8" if smtputf8 else ""
        head = f"RSET\r\nMAIL FROM:<{sender}>{utf8}\r\nRCPT TO:<{recipient}>\r\n"
        flight = _InFlightMail(key)
        self._flights.append(flight)
        if self.chunking:
            head = f"{head}BDAT {len(data)} LAST\r\n"
            flight.ends_at = self.session.queue(head.encode(), data)
            return None
        flight.body = data
        commands = f"{head}DATA\r\n".encode()
        if self.pipelining:
            self.session.queue(commands)
        else:
            first, *flight.commands = commands.splitlines(keepends=True)
            self.session.queue(first)
        return None

    def _refusal(self, envelope: Envelope) -> tuple[int, str, bool] | None:
        """Return code, text and whether the recipient was not involved."""
        _, sender, recipient, data, smtputf8, made_here = envelope
        if not (made_here or (_ADDRESS(sender) and _ADDRESS(recipient) and recipient)):
            return 501, "5.1.3 this address cannot stand in a command", False
        if not (smtputf8 or recipient.isascii()):
            return 553, "5.6.7 this address needs SMTPUTF8", False
        if smtputf8 and "SMTPUTF8" not in self.session.extensions:
            return 553, "5.6.7 the mail server does not know SMTPUTF8", False
        if len(data) > self._largest:
            text = f"5.3.4 the mail is larger than the {self._largest} octets the server takes"
            return 552, text, True
        if not (self.chunking or made_here or _safe(data)):
            text = "5.6.0 the mail holds a lone line end or a line that begins with ."
            return 554, text, False
        return None

    def settle(self, outcomes: list[Outcome]) -> None:
        """Consume every complete reply; append the outcomes of mails that end with them."""
        flights, session, chunking = self._flights, self.session, self.chunking
        while flights and session.unread:
            flight = flights[0]
            # Nearly all go this way.
            text = session.all_well(usual) if (usual := self._usual_now(flight)) else None
            if text is not None:
                if chunking or flight.stage is _Stage.END:
                    flights.popleft()
                    outcomes.append(_outcome(flight.key, Answer.ACCEPTED, 250, text))
                else:
                    self._hand_over(flight)
                continue
            reply = session.reply()
            if reply is None:
                return
            outcome = self._settle(flight, reply)
            if reply.code == 421:
                self.closing = reply.text or "421"
            if outcome is not None:
                flights.popleft()
                outcomes.append(outcome)

    def _usual_now(self, flight: _InFlightMail) -> re.Pattern[bytes] | None:
        """Return the one-line replies that can be consumed together; None if some are still
        apart.
        """
        if flight.stage is _Stage.RSET:
            return self._usual if self.pipelining else None
        return None if flight.stage is not _Stage.END or flight.refusal else _TAKEN

    def _settle(self, flight: _InFlightMail, reply: Reply) -> Outcome | None:
        """Consume the next reply of a mail; return its outcome if it was the last.

        Raises ProtocolViolation for a reply that does not match the command.
        """
        stage = flight.stage
        asks_for_body = stage is _Stage.DATA and not self.chunking
        if reply.code < 400 and (reply.code >= 300) is not asks_for_body:
            raise ProtocolViolation("the server does not speak SMTP")
        if stage in {_Stage.MAIL, _Stage.RCPT} and not 200 <= reply.code < 300:
            flight.before_recipient = flight.before_recipient or stage is _Stage.MAIL
            flight.refusal = flight.refusal or reply
        if stage < _Stage.DATA:
            flight.stage = _Stage(stage + 1)
            if flight.commands:
                self.session.queue(flight.commands.pop(0))
            return None
        if asks_for_body:
            return self._body(flight, reply)
        if flight.refusal is not None:
            return _refused(flight, flight.refusal)
        if 200 <= reply.code < 300:
            return _outcome(flight.key, Answer.ACCEPTED, reply.code, reply.text)
        return _refused(flight, reply)

    def _body(self, flight: _InFlightMail, reply: Reply) -> Outcome | None:
        if reply.code != 354:
            return _refused(flight, flight.refusal or reply)
        self._hand_over(flight)
        return None

    def _hand_over(self, flight: _InFlightMail) -> None:
        flight.stage = _Stage.END
        # Asked for a body though it had refused the recipient: it gets an empty one.
        body, flight.body = b"" if flight.refusal else flight.body, b""
        flight.ends_at = self.session.queue(body, b".\r\n")

    def expire(self, outcomes: list[Outcome]) -> None:
        """Abandon mails that were not written completely; complete ones may still be answered."""
        self.expired = True
        self.session.discard()
        flights, self._flights = self._flights, deque()
        for flight in flights:
            if self._has_left(flight):
                self._flights.append(flight)
            elif flight.refusal is not None:
                outcomes.append(_refused(flight, flight.refusal))
            else:
                outcomes.append(_outcome(flight.key, Answer.EXPIRED, 0, ""))

    def _has_left(self, flight: _InFlightMail) -> bool:
        """Whether the server may have the complete mail: its last byte is in the system's
        buffer.
        """
        return flight.ends_at is not None and self.session.sent >= flight.ends_at

    def give_up(self, why: str, outcomes: list[Outcome]) -> None:
        """Settle mails after a break: the server may have the complete ones, but not the others."""
        for flight in self._flights:
            if flight.refusal is not None:
                outcomes.append(_refused(flight, flight.refusal))
                continue
            # After 421 the server looks at nothing more (RFC 5321, 3.8).
            uncertain = self._has_left(flight) and not self.closing
            answer = Answer.UNCERTAIN if uncertain else Answer.UNTOUCHED
            outcomes.append(_outcome(flight.key, answer, 0, self.closing or why))
        self._flights.clear()
        self.closing = self.closing or why or "closed"


def _safe(data: bytes) -> bool:
    """Whether data has only CRLF line ends and no line that begins with a dot (CVE-2023-51764,
    smuggling).
    """
    lines = data.count(b"\r\n")
    return (
        data.endswith(b"\r\n")
        and not data.startswith(b".")
        and b"\n." not in data
        and lines == data.count(b"\n") == data.count(b"\r")
    )


def _refused(flight: _InFlightMail, reply: Reply) -> Outcome:
    refused = _outcome(flight.key, Answer.REFUSED, reply.code, reply.text)
    return refused._replace(before_recipient=flight.before_recipient)


def _outcome(key: int, answer: Answer, code: int, text: str) -> Outcome:
    return Outcome(key, answer, code, one_line(text))
