"""One SMTP connection: greeting, EHLO, STARTTLS, AUTH, and non-blocking input and output."""

from __future__ import annotations

import base64
import math
import re
import select
import socket
import ssl
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from listmgr.config import MailSettings
from listmgr.kit.clock import elapsed
from listmgr.kit.i18n import N_
from listmgr.kit.smtp_reply import MAX_LINES, MAX_OCTETS, one_line

_CHUNK = 262_144
# What one write carries at most: eight mails, since each is two pieces. A process that is stopped
# between its look at the clock and the write hands over so many when it wakes.
_PIECES = 16
# RFC 5321 (4.2.1): a code whose first digit is 2 to 5 and second 0 to 5, the same in each line.
_REPLY_LINE = re.compile(rb"[2-5][0-5][0-9](?:[ -]|$)").match
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


# Ours, in the operator's language; the server's own words follow a colon.
NO_ANSWER = N_("The server does not answer")
NO_TLS = N_("TLS failed; check the port")
REFUSED = N_("The server rejects us")
NO_EHLO = N_("The server rejects EHLO")
NO_STARTTLS = N_("The server rejects STARTTLS")
NOT_ACCEPTED = N_("User name or password is not accepted")


class ServerUnavailable(Exception):
    """No mail can be sent: unreachable, insecure or login refused. Says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class ConnectionLost(Exception):
    """The connection ended or fell silent in the middle."""


class ProtocolViolation(ConnectionLost):
    """The server sent an invalid answer; nothing it sends afterwards can be trusted."""


class WriteDeadlinePassed(ConnectionLost):
    """The deadline for writing has passed; nothing was written."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, its lines joined by line feeds; each line of EHLO's is one extension."""

    code: int
    text: str


class SmtpConnection:
    """A greeted and authenticated connection. Replies arrive in the order of commands."""

    def __init__(self, account: MailSettings) -> None:
        self.account = account
        self.extensions: dict[str, str] = {}
        self.sent = 0
        # Nothing is written from then on, by the clock of `elapsed`.
        self.write_until = math.inf
        self._alive_at = time.monotonic()
        self.queued = 0
        self._out: deque[bytes | memoryview] = deque()
        # What has been read, and up to where it has been understood.
        self._in = b""
        self._at = 0
        self._lines: list[str] = []
        self._code = b""
        try:
            self.sock = self._open()
            try:
                self._greet()
            except BaseException:
                self.close()
                raise
        except ssl.SSLError as error:
            raise ServerUnavailable(f"{NO_TLS}: {error.reason or error}") from None
        except (OSError, ConnectionLost) as error:
            place = f"{account.host}:{account.port}"
            raise ServerUnavailable(f"{NO_ANSWER}: {place} ({error or 'time-out'})") from None
        self.sock.setblocking(False)

    def _open(self) -> socket.socket:
        account = self.account
        sock = socket.create_connection((account.host, account.port), timeout=account.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if account.security == "tls":
            return ssl.create_default_context().wrap_socket(sock, server_hostname=account.host)
        return sock

    def _greet(self) -> None:
        greeting = self._blocking_reply()
        if greeting.code != 220:
            raise ServerUnavailable(f"{REFUSED}: {greeting.code} {greeting.text}")
        self._ehlo()
        if self.account.security == "starttls":
            self._start_tls()
        if self.account.username:
            self._sign_in()

    def _ehlo(self) -> None:
        reply = self._command(f"EHLO {self.account.sender.rpartition('@')[2] or 'localhost'}")
        if reply.code != 250:
            raise ServerUnavailable(f"{NO_EHLO}: {reply.code} {reply.text}")
        words = [line.partition(" ") for line in reply.text.split("\n")[1:]]
        self.extensions = {name.upper(): rest for name, _, rest in words}

    def _start_tls(self) -> None:
        if "STARTTLS" not in self.extensions:
            raise ServerUnavailable(
                N_("The server offers no STARTTLS; nothing was sent in the clear.")
            )
        reply = self._command("STARTTLS")
        if reply.code != 220:
            raise ServerUnavailable(f"{NO_STARTTLS}: {reply.code} {reply.text}")
        if self.unread:
            # Octets slipped in before the encryption must not be taken for the server's words.
            raise ServerUnavailable(
                N_("Somebody injected data into the connection before TLS began.")
            )
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.account.host)
        self._ehlo()

    def _sign_in(self) -> None:
        user, password = self.account.username, self.account.password
        offered = self.extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            reply = self._command("AUTH PLAIN " + _b64(f"\0{user}\0{password}"))
        elif "LOGIN" in offered:
            self._command("AUTH LOGIN")
            self._command(_b64(user))
            reply = self._command(_b64(password))
        else:
            raise ServerUnavailable(N_("The server offers neither AUTH PLAIN nor AUTH LOGIN."))
        if reply.code != 235:
            raise ServerUnavailable(f"{NOT_ACCEPTED}: {reply.code} {reply.text}")

    def _command(self, line: str) -> Reply:
        self.sock.sendall(line.encode() + b"\r\n")
        return self._blocking_reply()

    def _blocking_reply(self) -> Reply:
        end = time.monotonic() + self.account.timeout
        while (reply := self.reply()) is None:
            if time.monotonic() > end:
                raise ConnectionLost("the server sent a reply without end")
            self._take(self.sock.recv(_CHUNK))
        return reply

    @property
    def unread(self) -> bool:
        """Whether received data is still unparsed."""
        return self._at < len(self._in)

    def stale(self) -> bool:
        """Whether the server has sent something or hung up without being asked."""
        if self.unread:
            return True
        waiting = select.poll()
        waiting.register(self.sock, select.POLLIN)
        return bool(waiting.poll(0))

    def queue(self, octets: bytes, more: bytes = b"") -> int:
        """Append bytes to the output; return where they end in the stream."""
        if not self._out:
            self._alive_at = time.monotonic()
        self._out += (octets, more) if more else (octets,)
        self.queued += len(octets) + len(more)
        return self.queued

    @property
    def writing(self) -> bool:
        """Whether output waits for room in the socket."""
        return bool(self._out)

    @property
    def backlog(self) -> int:
        """How many bytes wait for room in the socket."""
        return self.queued - self.sent

    @property
    def silent(self) -> bool:
        """Whether nothing was sent or received for the account's timeout."""
        return time.monotonic() - self._alive_at >= self.account.timeout

    @property
    def decrypted(self) -> bool:
        """Whether TLS holds bytes that poll does not report."""
        return isinstance(self.sock, ssl.SSLSocket) and bool(self.sock.pending())

    def write(self) -> None:
        """Write what the socket takes now. Raises ConnectionLost, and WriteDeadlinePassed after
        `write_until`.
        """
        out = self._out
        try:
            while out:
                if elapsed() >= self.write_until:
                    raise WriteDeadlinePassed
                count = self._send()
                self.sent += count
                self._alive_at = time.monotonic()
                if self.sent == self.queued:
                    out.clear()
                    return
                while out and count >= len(out[0]):
                    count -= len(out.popleft())
                if count:
                    out[0] = memoryview(out[0])[count:]
                    return
        except _LATER:
            return
        except OSError as error:
            raise ConnectionLost(type(error).__name__) from None

    def _send(self) -> int:
        """Send many pieces in one call without copying; TLS takes one after the other."""
        out = self._out
        if len(out) == 1 or isinstance(self.sock, ssl.SSLSocket):
            return self.sock.send(out[0])
        return self.sock.sendmsg(list(islice(out, _PIECES)))

    def read(self) -> None:
        """Read what has arrived. Raises ConnectionLost."""
        try:
            self._take(self.sock.recv(_CHUNK))
        except _LATER:
            return
        except OSError as error:
            raise ConnectionLost(type(error).__name__) from None

    def _take(self, data: bytes) -> None:
        if not data:
            raise ConnectionLost("the server hung up")
        self._alive_at = time.monotonic()
        self._in = self._in[self._at :] + data
        self._at = 0
        if len(self._in) > MAX_OCTETS and b"\n" not in self._in:
            raise ProtocolViolation("the server sent a reply without end")

    def reply(self) -> Reply | None:
        """Return the next complete reply, or None. Raises ProtocolViolation."""
        while (end := self._in.find(b"\n", self._at)) >= 0:
            line = self._in[self._at : end].rstrip(b"\r")
            self._at = end + 1
            code = line[:3]
            if not _REPLY_LINE(line) or (self._lines and code != self._code):
                raise ProtocolViolation("the server does not speak SMTP")
            self._lines.append(line[4:].decode("utf-8", "replace"))
            self._code = code
            if line[3:4] != b"-":
                text, self._lines = "\n".join(self._lines), []
                return Reply(int(code), text)
            if len(self._lines) > MAX_LINES or sum(map(len, self._lines)) > MAX_OCTETS:
                raise ProtocolViolation("the server sent a reply without end")
        return None

    def all_well(self, usual: re.Pattern[bytes]) -> str | None:
        """Return the group of `usual`, replies of one line each, if they come next, else None.

        Consumes nothing if None. This is the fast path of nearly every mail.
        """
        match = None if self._lines else usual.match(self._in, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[1].decode("utf-8", "replace")

    def discard(self) -> None:
        """Drop pending output. The server may be in the middle of a mail, so nothing can be sent to
        it any more.
        """
        self._out.clear()

    def close(self) -> None:
        """Disconnect; send QUIT if nothing is in flight."""
        with suppress(OSError, ValueError):
            if not self._out and self.sent == self.queued:
                self.sock.settimeout(1)
                self.sock.sendall(b"QUIT\r\n")
        with suppress(OSError):
            self.sock.close()


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
