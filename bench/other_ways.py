"""Other ways to send the newsletter, each a process of its own, for bench/send.py.

python bench/other_ways.py smtplib|flask-mail|blind-bdat|blind-data PORT COUNT

The last line says how many seconds it took, and how many of CPU.
"""

from __future__ import annotations

import smtplib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import flask
import flask_mail
from render import newsletter, ours, people, theirs

BATCH = 10


def with_smtplib(port: int, count: int) -> None:
    """One kept connection, one EmailMessage for each person."""
    make = theirs(newsletter(), "quoted-printable")
    with smtplib.SMTP("127.0.0.1", port) as server:
        for person in people(count):
            server.sendmail("news@example.org", [person["email"]], make(person))


def with_flask_mail(port: int, count: int) -> None:
    """One kept connection, one Message for each person."""
    app = flask.Flask(__name__)
    app.config |= {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port, "MAIL_MAX_EMAILS": None}
    mailer = flask_mail.Mail(app)
    html = newsletter()
    with app.app_context(), mailer.connect() as connection:
        for person in people(count):
            words = flask.render_template_string(
                html, unsubscribe_url="u", preferences_url="p", **person
            )
            message = flask_mail.Message(
                "Neu im Mai",
                [person["email"]],
                body="Guten Tag",
                html=words,
                sender="news@example.org",
            )
            connection.send(message)


def blind(transaction: Callable[[str, bytes], bytes]) -> Callable[[int, int], None]:
    """Ready-made octets, nobody waits for an answer: what the sockets can carry."""

    def write(port: int, count: int) -> None:
        (person,) = people(1)
        one = transaction(person["email"], ours(newsletter())(person))
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = threading.Thread(target=_drop, args=[connection])
        answers.start()
        connection.sendall(b"EHLO blind\r\n")
        for octets in _batches(one, count):
            connection.sendall(octets)
        connection.sendall(b"QUIT\r\n")
        answers.join()

    return write


def _batches(one: bytes, count: int) -> Iterator[bytes]:
    many = one * BATCH
    for _ in range(count // BATCH):
        yield many
    yield one * (count % BATCH)


def _drop(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


def _commands(recipient: str) -> bytes:
    return f"RSET\r\nMAIL FROM:<news@example.org>\r\nRCPT TO:<{recipient}>\r\n".encode()


def by_bdat(recipient: str, data: bytes) -> bytes:
    return _commands(recipient) + b"BDAT %d LAST\r\n" % len(data) + data


def by_data(recipient: str, data: bytes) -> bytes:
    return _commands(recipient) + b"DATA\r\n" + data + b".\r\n"


WAYS = {
    "smtplib": with_smtplib,
    "flask-mail": with_flask_mail,
    "blind-bdat": blind(by_bdat),
    "blind-data": blind(by_data),
}


def main() -> None:
    way, port, count = WAYS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
    begun, spent = time.perf_counter(), time.process_time()
    way(port, count)
    print(time.perf_counter() - begun, time.process_time() - spent)


if __name__ == "__main__":
    main()
