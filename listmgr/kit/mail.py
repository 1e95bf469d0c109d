"""Sends one transactional mail by Flask-Mail, with the time-outs and the checked TLS it lacks."""

from __future__ import annotations

import secrets
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from flask import Flask
from flask_mail import Connection, Mail

from listmgr.config import MailSettings
from listmgr.kit.clock import now


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as a room writes it: no headers but its own, text and HTML."""

    to: str
    subject: str
    text: str
    html: str
    sender_name: str
    sender_address: str
    headers: tuple[tuple[str, str], ...] = ()
    message_id: str = field(default="")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the mail server said when it took a mail."""

    message_id: str
    reply: str
    mime: bytes


class MailRefused(Exception):
    """The server refused the mail; `permanent` says whether asking again can help."""

    def __init__(self, code: int, reply: str) -> None:
        super().__init__(f"{code} {reply}")
        self.permanent = code >= 500


class MailServerAway(Exception):
    """Nothing was handed over: the server is down, silent or unsafe."""


class MailUncertain(Exception):
    """The connection broke after the mail had begun: it may have been taken (M-16)."""


Post = Callable[[Letter], Receipt]


class _Connection(Connection):
    """Flask-Mail has no time-out, and does not check certificates after STARTTLS."""

    mail: TransactionalMail

    def __enter__(self) -> _Connection:
        self.host = self.configure_host()
        return self

    def __exit__(self, *_: object) -> None:
        # The mail is taken or refused by now; a server that hangs up early changes nothing.
        with suppress(OSError, smtplib.SMTPException):
            if self.host is not None:
                self.host.quit()

    def configure_host(self) -> smtplib.SMTP:
        wanted = self.mail.account
        context = ssl.create_default_context()
        host: smtplib.SMTP
        if wanted.security == "tls":
            host = smtplib.SMTP_SSL(
                wanted.host, wanted.port, timeout=wanted.timeout, context=context
            )
        else:
            host = smtplib.SMTP(wanted.host, wanted.port, timeout=wanted.timeout)
        host.ehlo()
        if wanted.security == "starttls":
            host.starttls(context=context)
            host.ehlo()
        if wanted.username:
            host.login(wanted.username, wanted.password)
        return host


class TransactionalMail(Mail):
    """Flask-Mail with our connection."""

    def __init__(self, app: Flask, account: MailSettings) -> None:
        super().__init__(app)
        self.account = account

    def connect(self) -> _Connection:
        """A connection that knows time-outs."""
        return _Connection(self)


def make_post(app: Flask, settings: MailSettings) -> Post:
    """The function that hands a letter to the configured server."""
    mail = TransactionalMail(app, settings)
    return lambda letter: _hand_over(mail, letter, settings)


def _hand_over(mail: TransactionalMail, letter: Letter, settings: MailSettings) -> Receipt:
    message = as_message(letter)
    begun = False
    try:
        with mail.connect() as connection:
            host = connection.host
            if host is None:
                raise MailServerAway("not connected")
            _expect(*host.mail(settings.sender))
            _expect(*host.rcpt(letter.to))
            begun = True
            code, reply = host.data(message.as_bytes())
            _expect(code, reply)
    except smtplib.SMTPDataError as error:
        raise MailRefused(error.smtp_code, _text(error.smtp_error)) from None
    except smtplib.SMTPResponseException as error:
        raise MailServerAway(f"{error.smtp_code} {_text(error.smtp_error)}") from None
    except (OSError, smtplib.SMTPException) as error:
        if begun:
            raise MailUncertain(type(error).__name__) from None
        raise MailServerAway(type(error).__name__) from None
    return Receipt(str(message["Message-ID"]), f"{code} {_text(reply)}", message.as_bytes())


def _expect(code: int, reply: bytes) -> None:
    if not 200 <= code < 300:
        raise MailRefused(code, _text(reply))


def _text(reply: bytes | str) -> str:
    return reply if isinstance(reply, str) else reply.decode("utf-8", "replace")


def as_message(letter: Letter) -> EmailMessage:
    """The letter in MIME, quoted-printable, lines of 78 octets at most (RFC 5322, RFC 2045)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((letter.sender_name, letter.sender_address))
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now())
    domain = letter.sender_address.rpartition("@")[2]
    message["Message-ID"] = letter.message_id or f"<{secrets.token_hex(16)}@{domain}>"
    for name, value in letter.headers:
        message[name] = value
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message
