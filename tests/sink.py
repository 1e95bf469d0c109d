"""A real SMTP server (aiosmtpd) that keeps what it is given, and a scripted one for its faults."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from listmgr.config import MailSettings
from listmgr.kit.mail import make_post
from listmgr.senders.transactional_route import SendVia


@dataclass
class Sink:
    """What has been accepted, in order, and what to answer to whom."""

    port: int = 0
    mails: list[tuple[str, bytes]] = field(default_factory=list)
    # Recipient to reply; a callable is asked each time.
    rcpt: dict[str, str | Callable[[], str]] = field(default_factory=dict)
    data_reply: str = "250 2.0.0 kept"
    mail_reply: str = "250 2.1.0 ok"
    on_data: Callable[[str], None] | None = None
    # The other end of each connection that began a mail.
    peers: set[Any] = field(default_factory=set)

    @property
    def account(self) -> MailSettings:
        return MailSettings("127.0.0.1", self.port, sender="lists@news.example.org", timeout=5.0)

    def to(self, address: str) -> list[EmailMessage]:
        """The mails an address got."""
        return [parse(octets) for found, octets in list(self.mails) if found == address]

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.peers.add(session.peer)
        if self.mail_reply.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.mail_reply

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        reply = self.rcpt.get(address, "250 2.1.5 ok")
        reply = reply if isinstance(reply, str) else reply()
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.on_data is not None:
            self.on_data(envelope.rcpt_tos[0])
        if self.data_reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.extend((address, envelope.content) for address in envelope.rcpt_tos)
        return self.data_reply


def parse(octets: bytes) -> EmailMessage:
    found = message_from_bytes(octets, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def by(account: MailSettings) -> SendVia:
    """Every letter leaves by one account, whatever its way."""
    post = make_post(Flask("test"))
    return lambda letter, _way: post(letter, account)


@contextmanager
def running_sink(port: int = 0, **options: Any) -> Iterator[Sink]:
    """Start the sink; it takes SMTPUTF8 and announces what aiosmtpd announces."""
    sink = Sink()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        sink.port = probe.getsockname()[1]
    controller = Controller(
        sink, hostname="127.0.0.1", port=sink.port, enable_SMTPUTF8=True, **options
    )
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


class Talk:
    """One connection of the scripted server."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.file = connection.makefile("rb")

    def say(self, *lines: str) -> None:
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hear(self) -> str:
        line = self.file.readline().decode().strip()
        if line in {"", "QUIT"}:
            raise EOFError
        return line

    def greet(self, *extensions: str) -> None:
        self.say("220 scripted")
        self.hear()
        names = ["250-scripted", *[f"250-{name}" for name in extensions]]
        self.say(*names[:-1], names[-1].replace("250-", "250 "))

    def body(self) -> bytes:
        found = b""
        while (line := self.file.readline()) not in {b".\r\n", b""}:
            found += line
        return found

    def take_data(
        self,
        reply: str = "250 kept",
        rcpt: str = "250 ok",
        before: Callable[[], None] = lambda: None,
    ) -> str:
        """One whole transaction by DATA; returns the recipient. `before` comes before the reply."""
        assert self.hear() == "RSET"
        self.say("250 ok")
        assert self.hear().startswith("MAIL")
        self.say("250 ok")
        recipient = self.hear()
        self.say(rcpt)
        assert self.hear() == "DATA"
        if not rcpt.startswith("250"):
            self.say("503 5.5.1 no valid recipients")
            return recipient
        self.say("354 go on")
        self.body()
        before()
        self.say(reply)
        return recipient

    def take_chunk(self, reply: str = "250 kept", rcpt: str = "250 ok") -> str:
        """One whole transaction by BDAT; returns the recipient."""
        return f"RCPT TO:<{self.take_sized_chunk(reply, rcpt)[0]}>"

    def take_sized_chunk(self, reply: str = "250 kept", rcpt: str = "250 ok") -> tuple[str, int]:
        """The same; returns the recipient's address and the octets of the mail."""
        assert self.hear() == "RSET"
        self.say("250 ok")
        assert self.hear().startswith("MAIL")
        self.say("250 ok")
        recipient = self.hear()
        self.say(rcpt)
        command, size, last = self.hear().split()
        assert (command, last) == ("BDAT", "LAST")
        if len(self.file.read(int(size))) < int(size):
            raise EOFError
        self.say(reply if rcpt.startswith("250") else "503 5.5.1 no valid recipients")
        return recipient.removeprefix("RCPT TO:<").removesuffix(">"), int(size)

    def hang_up(self) -> None:
        """Cut the line: what has not been read is thrown away."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def end(self) -> None:
        """Close so that everything said arrives: unread octets would turn the end into a reset."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(0.5)
            while self.connection.recv(1 << 16):
                pass
        self.connection.close()


class _Stage:
    """Plays a script to each connection, each in a thread of its own."""

    def __init__(self, listener: socket.socket, script: Callable[[Talk], None]) -> None:
        self.listener = listener
        self.script = script
        self.failures: list[BaseException] = []
        self.threads: list[threading.Thread] = []
        self.play(self.serve)

    def play(self, act: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=act, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                self.play(self.talk_to, self.listener.accept()[0])

    def talk_to(self, connection: socket.socket) -> None:
        talk = Talk(connection)
        try:
            self.script(talk)
        except (OSError, ValueError, EOFError):
            pass
        except AssertionError as error:
            self.failures.append(error)
        finally:
            talk.file.close()
            talk.end()

    def end(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)


@contextmanager
def scripted(
    script: Callable[[Talk], None], *, receive_buffer: int = 0, connections: int = 1
) -> Iterator[MailSettings]:
    """A server that follows a script for each connection."""
    listener = socket.socket()
    if receive_buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    stage = _Stage(listener, script)
    port = listener.getsockname()[1]
    try:
        yield MailSettings(
            "127.0.0.1", port, timeout=1.0, connections=connections, sender="a@news.example.org"
        )
    finally:
        stage.end()
    assert not stage.failures, stage.failures
