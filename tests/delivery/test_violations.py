"""Servers that do not keep to the protocol: what they say afterwards settles nothing (F6)."""

from __future__ import annotations

import pytest

from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    Envelope,
    Outcome,
)
from tests.sink import Talk, scripted

A = Answer
DATA = b"Subject: x\r\n\r\nhello\r\n"
TAKEN = "250 2.0.0 kept"


def mails(count: int) -> list[Envelope]:
    return [Envelope(n, "lists@a.example", f"p{n}@b.example", DATA) for n in range(count)]


def answers(outcomes: list[Outcome]) -> dict[int, Answer]:
    assert len({outcome.key for outcome in outcomes}) == len(outcomes)
    return {outcome.key: outcome.answer for outcome in outcomes}


@pytest.mark.parametrize(
    "garbage",
    [
        "what?",
        "",
        "25",
        "250_ok",
        "100 go on",
        "354 go on",
        "600 what",
        "000 what",
        "250-a\r\n550 b",
        "²50 ok",
    ],
)
def test_f06_after_a_line_that_is_no_answer_nothing_is_settled(garbage: str):
    """It stands where the fourth mail's answer would; the rest is said as if all were well."""

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        for number in range(10):
            talk.take_chunk(garbage if number == 3 else TAKEN)

    with scripted(script) as account, ConnectionPool(account) as channel:
        found = answers(list(channel.send(mails(10))))
    assert [found[n] for n in range(3)] == [A.ACCEPTED] * 3
    assert {found[n] for n in range(3, 10)} == {A.UNCERTAIN}


@pytest.mark.parametrize("garbage", ["what?", "250 ok", "100 go on"])
def test_f06_by_data_the_mails_behind_were_not_handed_over(garbage: str):
    """It stands where the body is asked for: neither this mail's nor the next one's has left."""

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING")
        talk.take_data()
        for line in ("250 ok", "250 ok", "250 ok", garbage):
            talk.hear()
            talk.say(line)
        for _ in range(8):
            talk.say(TAKEN)

    with scripted(script) as account, ConnectionPool(account) as channel:
        found = answers(list(channel.send(mails(4))))
    assert found[0] is A.ACCEPTED
    assert found[1] is A.UNTOUCHED
    assert set(found.values()) == {A.ACCEPTED, A.UNTOUCHED}


def test_f06_a_reply_too_many_ends_the_connection_before_it_can_answer_the_next_mail():
    connections: list[int] = []

    def script(talk: Talk) -> None:
        connections.append(1)
        talk.greet("PIPELINING", "CHUNKING")
        talk.take_chunk(f"{TAKEN}\r\n{TAKEN}")
        talk.take_chunk()

    with scripted(script) as account, ConnectionPool(account) as channel:
        assert answers(list(channel.send(mails(1)))) == {0: A.ACCEPTED}
        list(channel.send(mails(1)))
    assert len(connections) == 2
