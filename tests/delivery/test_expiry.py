"""Nothing is written when the time for it is over, however much of it was ready (L-14, F1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from listmgr.delivery.smtp import connection
from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    Envelope,
)
from listmgr.kit.clock import elapsed
from tests.delivery.test_smtp_pool import (
    DATA,
    answers,
    mails,
)
from tests.sink import Talk, scripted

A = Answer
BIG = DATA + (b"y" * 76 + b"\r\n") * 6_000


def reads_on_when(go_on: threading.Event, taken: list[str]) -> Callable[[Talk], None]:
    """A server that reads nothing more behind the first mail until it is told to."""

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        while True:
            taken.append(talk.take_chunk())
            go_on.wait(10)

    return script


def test_f01_what_is_not_written_in_time_stays_here_and_what_has_left_is_answered():
    taken: list[str] = []
    go_on = threading.Event()
    with scripted(reads_on_when(go_on, taken), receive_buffer=4096) as account:
        threading.Timer(0.6, go_on.set).start()
        with ConnectionPool(account) as channel:
            found = answers(list(channel.send(mails(40, BIG), until=elapsed() + 0.3)))
            # What was left unfinished is on no connection any more.
            assert set(answers(list(channel.send(mails(3)))).values()) == {A.ACCEPTED}
    left = [key for key, answer in found.items() if answer is A.ACCEPTED]
    assert set(found.values()) == {A.ACCEPTED, A.EXPIRED}
    # The server's two connections write down what they took in whatever order.
    numbers = [to.removeprefix("RCPT TO:<p").split("@")[0] for to in taken]
    assert sorted(numbers) == sorted([*map(str, left), *"012"])


@pytest.mark.parametrize("extensions", [("PIPELINING", "CHUNKING"), ("PIPELINING",), ("X",)])
def test_f01_too_late_from_the_beginning_nothing_leaves(extensions: tuple[str, ...]):
    heard: list[str] = []

    def script(talk: Talk) -> None:
        talk.greet(*extensions)
        heard.append(talk.hear())

    with scripted(script) as account, ConnectionPool(account) as channel:
        found = answers(list(channel.send(mails(3), until=elapsed())))
    assert found and set(found.values()) == {A.EXPIRED}
    assert heard == []


def test_f01_a_body_that_is_asked_for_too_late_is_not_sent():
    bodies: list[bytes] = []

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING")
        for line in ("250 ok", "250 ok", "250 ok"):
            talk.hear()
            talk.say(line)
        talk.hear()
        time.sleep(0.4)
        talk.say("354 go on")
        bodies.append(talk.body())

    with scripted(script) as account, ConnectionPool(account) as channel:
        assert answers(list(channel.send(mails(1), until=elapsed() + 0.2))) == {0: A.EXPIRED}
    assert bodies == [b""]


def test_f01_one_write_carries_eight_mails_at_most(monkeypatch: pytest.MonkeyPatch):
    """A process may be stopped between its look at the clock and the write: the second look is
    the first that sees how long it slept.
    """
    looks = iter(range(1_000))

    def slept() -> float:
        return 0.0 if next(looks) == 0 else 3_600.0

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        while True:
            talk.take_chunk()

    def ready() -> Iterator[Envelope]:
        yield from mails(40)

    with scripted(script) as account, ConnectionPool(account) as channel:
        channel.connect()
        monkeypatch.setattr(connection, "elapsed", slept)
        found = answers(list(channel.send(ready(), until=1.0)))
    assert 1 <= sum(answer is A.ACCEPTED for answer in found.values()) <= 8
    assert set(found.values()) == {A.ACCEPTED, A.EXPIRED}
