"""Send transactional mails by Flask-Mail, with timeouts and TLS verification."""

from __future__ import annotations

import re
import secrets
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import BinaryIO

from flask import Flask
from flask_mail import Connection, Mail

from listmgr.config import MailSettings
from listmgr.kit.clock import now
from listmgr.kit.smtp_reply import MAX_LINES, one_line


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A mail before it is encoded: headers, text and HTML."""

    to: str
    subject: str
    text: str
    html: str
    sender_name: str
    sender_address: str
    headers: tuple[tuple[str, str], ...] = ()
    message_id: str = field(default="")


@dataclass(frozen=True, slots=True)
class MailReceipt:
    """The server's reply when it took a mail."""

    message_id: str
    reply: str
    mime: bytes


class MailRefused(Exception):
    """The server refused the mail; `permanent` tells whether a retry can help."""

    def __init__(self, code: int, reply: str) -> None:
        super().__init__(f"{code} {reply}")
        self.permanent = code >= 500


class MailServerAway(Exception):
    """Nothing was sent: the server is unreachable, silent or insecure."""


class MailLoginRefused(MailServerAway):
    """Nothing was sent: the server rejects the user name and password."""


class MailUncertain(Exception):
    """The connection broke after the mail had begun: the server may have taken it (M-16)."""


# C0, DEL, C1 (with NEL), the two Unicode line ends, and halves of characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
OK = 250
# Servers close what is silent after some minutes, and take a hundred mails of a connection.
KEPT_SECONDS = 30.0
MAILS_A_CONNECTION = 100
SendMail = Callable[[OutgoingMail, MailSettings], MailReceipt]


class _Replies:
    """Reads a server's replies line by line, bounded in lines and seconds."""

    def __init__(self, file: BinaryIO, seconds: float) -> None:
        self._file = file
        self._seconds = seconds
        self.begin()

    def begin(self) -> None:
        """Start reading a reply."""
        self._lines = 0
        # Its first line may take as long as we wait for any; so may what follows.
        self._end = time.monotonic() + 2 * self._seconds

    def readline(self, size: int) -> bytes:
        """Return one line. Raises OSError if the reply has too many lines."""
        self._lines += 1
        if self._lines > MAX_LINES or time.monotonic() > self._end:
            raise OSError("a reply without end")
        return self._file.readline(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _BoundedReplies(smtplib.SMTP):
    """SMTP client with bounded replies; smtplib reads as many lines as the server sends."""

    file: _Replies | None

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply. Raises SMTPServerDisconnected if it does not end."""
        if self.file is None:
            assert self.sock is not None
            self.file = _Replies(self.sock.makefile("rb"), self.timeout)
        self.file.begin()
        return super().getreply()


class _BoundedRepliesTls(_BoundedReplies, smtplib.SMTP_SSL):
    """The same where TLS begins with the connection."""


class _Connection(Connection):
    """Adds timeouts and certificate checks after STARTTLS, which Flask-Mail lacks."""

    def __init__(self, mail: TransactionalMail, account: MailSettings) -> None:
        super().__init__(mail)
        self.account = account

    def __enter__(self) -> _Connection:
        self.host = self.configure_host()
        return self

    def __exit__(self, *_: object) -> None:
        # The mail is taken or refused by now; a server that hangs up early changes nothing.
        with suppress(OSError, smtplib.SMTPException):
            if self.host is not None:
                self.host.quit()

    def configure_host(self) -> smtplib.SMTP:
        account = self.account
        # It reads all certificates of the system, which costs more than a mail.
        context = ssl.create_default_context() if account.security != "none" else None
        host: smtplib.SMTP
        if account.security == "tls":
            host = _BoundedRepliesTls(
                account.host, account.port, timeout=account.timeout, context=context
            )
        else:
            host = _BoundedReplies(account.host, account.port, timeout=account.timeout)
        try:
            host.ehlo()
            if account.security == "starttls":
                host.starttls(context=context)
                host.ehlo()
            if account.username:
                host.login(account.username, account.password)
        except (OSError, smtplib.SMTPException):
            host.close()
            raise
        return host


class TransactionalMail(Mail):
    """Flask-Mail with our connection."""

    def connect_to(self, account: MailSettings) -> _Connection:
        """Return a connection with timeouts."""
        return _Connection(self, account)


@dataclass(slots=True)
class _KeptConnection:
    """An open connection, its last use (monotonic), and the number of mails it has sent."""

    connection: _Connection
    used: float
    mails: int = 0


class KeptConnections:
    """Connections kept open between mails, for one thread that sends many."""

    def __init__(self) -> None:
        self._open: dict[MailSettings, _KeptConnection] = {}

    def take(self, account: MailSettings) -> _KeptConnection | None:
        """Return the open connection to an account, removing it until it is given back.

        NOOP detects one that the server has closed before a mail rests on it.
        """
        kept = self._open.pop(account, None)
        if kept is None:
            return None
        fresh = time.monotonic() - kept.used < KEPT_SECONDS and kept.mails < MAILS_A_CONNECTION
        if fresh and _answers(kept.connection.host):
            return kept
        kept.connection.__exit__()
        return None

    def give_back(self, account: MailSettings, kept: _KeptConnection) -> None:
        """Keep a connection for the next mail of the same account."""
        kept.used, kept.mails = time.monotonic(), kept.mails + 1
        self._open[account] = kept

    def close(self) -> None:
        """Disconnect from every server."""
        while self._open:
            self._open.popitem()[1].connection.__exit__()


def _answers(host: smtplib.SMTP | None) -> bool:
    try:
        return host is not None and host.noop()[0] == OK
    except (OSError, smtplib.SMTPException):
        return False


def make_post(app: Flask, keep: KeptConnections | None = None) -> SendMail:
    """Return the function that sends a mail to an account's server; `keep` lends it connections."""
    mail = TransactionalMail(app)
    return lambda letter, account: _hand_over(mail, keep, letter, account)


def _hand_over(
    mail: TransactionalMail,
    keep: KeptConnections | None,
    letter: OutgoingMail,
    account: MailSettings,
) -> MailReceipt:
    message = as_message(letter)
    octets = message.as_bytes()
    try:
        with _connected(mail, keep, account) as host:
            reply = _transmit(host, account.sender, letter.to, octets)
    except smtplib.SMTPAuthenticationError as error:
        raise MailLoginRefused(_reason(error)) from None
    except (OSError, smtplib.SMTPException) as error:
        # The name of the error only: its text may hold what the server was told.
        raise MailServerAway(_reason(error)) from None
    return MailReceipt(str(message["Message-ID"]), reply, octets)


@contextmanager
def _connected(
    mail: TransactionalMail, keep: KeptConnections | None, account: MailSettings
) -> Iterator[smtplib.SMTP]:
    """Yield a connection for one mail; keep it only if the mail was taken."""
    kept = keep.take(account) if keep is not None else None
    if kept is None:
        kept = _KeptConnection(mail.connect_to(account).__enter__(), time.monotonic())
    assert kept.connection.host is not None
    try:
        yield kept.connection.host
    except BaseException:
        kept.connection.__exit__()
        raise
    if keep is None:
        kept.connection.__exit__()
    else:
        keep.give_back(account, kept)


def _transmit(host: smtplib.SMTP, sender: str, recipient: str, octets: bytes) -> str:
    """Run one transaction (RFC 5321); return the server's reply when it took the mail."""
    options = () if recipient.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
    if options and not host.has_extn("smtputf8"):
        raise MailRefused(553, "5.6.7 the mail server takes ASCII addresses only")
    code, reply = host.mail(sender, options)
    if code != 250:
        # The server minds us, not this mail: it is asked again when the operator has seen to it.
        raise MailServerAway(f"{code} {_text(reply)}")
    _expect(*host.rcpt(recipient))
    _expect(*host.docmd("DATA"), expected=354)
    try:
        host.send(re.sub(rb"(?m)^\.", b"..", octets) + b".\r\n")
        code, reply = host.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise MailUncertain(_reason(error)) from None
    _expect(code, reply)
    return f"{code} {_text(reply)}"


def _expect(code: int, reply: bytes, *, expected: int = 250) -> None:
    if code == 421:
        raise MailServerAway(f"{code} {_text(reply)}")
    # 251: the server knows a new address of the recipient and forwards (RFC 5321 section 3.4).
    if code not in {expected, 251}:
        raise MailRefused(code, _text(reply))


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return type(error).__name__


def _text(reply: bytes | str) -> str:
    return one_line(reply if isinstance(reply, str) else reply.decode("utf-8", "replace"))


def as_message(letter: OutgoingMail) -> EmailMessage:
    """Return the mail in MIME, quoted-printable, lines of at most 78 bytes (RFC 5322, RFC 2045).

    Raises MailRefused for a value that would break out of its header (T-17).
    """
    for value in (letter.to, letter.subject, letter.sender_name, letter.sender_address):
        _must_be_one_line(value)
    if not letter.sender_address.isascii():
        raise MailRefused(553, "5.6.7 the sender's address must be written in ASCII")
    # A mailbox with letters beyond ASCII is written as such, and only then (RFC 6532).
    message = EmailMessage(policy=SMTP if letter.to.isascii() else SMTPUTF8)
    try:
        message["From"] = Address(letter.sender_name, addr_spec=letter.sender_address)
        # By its two parts, since a whole one is taken in ASCII only.
        local, _, domain = letter.to.rpartition("@")
        message["To"] = Address(username=local, domain=domain)
    except (ValueError, HeaderParseError):
        raise MailRefused(553, "5.1.3 an address cannot be written in a header") from None
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now())
    domain = letter.sender_address.rpartition("@")[2]
    message["Message-ID"] = letter.message_id or f"<{secrets.token_hex(16)}@{domain}>"
    for name, value in letter.headers:
        _must_be_one_line(value)
        message[name] = value
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message


def _must_be_one_line(value: str) -> None:
    if _UNSAFE.search(value):
        raise MailRefused(554, "5.6.0 a line break or control character in a header")
