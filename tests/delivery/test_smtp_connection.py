"""How a connection begins: greetings, nobody there, TLS, signing in."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    ServerUnavailable,
)
from tests.delivery.test_smtp_pool import mails
from tests.sink import Talk, scripted


@pytest.mark.parametrize(
    ("say", "told"),
    [
        ("554 go away", "rejects us"),
        ("hello there", "does not answer"),
        ("", "does not answer"),
    ],
)
def test_a_bad_greeting_is_told_before_anything_is_pulled(say: str, told: str):
    def script(talk: Talk) -> None:
        if say:
            talk.say(say)
        time.sleep(1.5)

    with scripted(script) as account, ConnectionPool(account) as channel:
        with pytest.raises(ServerUnavailable, match=told):
            next(channel.send(iter(mails(1))))


def test_nothing_listens():
    with scripted(lambda _talk: None) as account:
        pass
    with pytest.raises(ServerUnavailable, match="does not answer"):
        ConnectionPool(account).connect()


def test_no_starttls_no_mail_in_the_clear():
    with scripted(lambda talk: talk.greet("PIPELINING")) as account:
        with pytest.raises(ServerUnavailable, match="STARTTLS"):
            ConnectionPool(replace(account, security="starttls")).connect()


def test_octets_injected_before_tls_are_not_believed():
    def script(talk: Talk) -> None:
        talk.greet("STARTTLS")
        talk.hear()
        talk.say("220 go ahead", "250-injected", "250 AUTH PLAIN")
        time.sleep(0.5)

    with scripted(script) as account:
        with pytest.raises(ServerUnavailable, match="before TLS"):
            ConnectionPool(replace(account, security="starttls")).connect()


def test_a_wrong_password_is_told():
    def script(talk: Talk) -> None:
        talk.greet("AUTH PLAIN LOGIN")
        assert talk.hear() == "AUTH PLAIN AHUAcA=="
        talk.say("535 5.7.8 no")

    with scripted(script) as account:
        with pytest.raises(ServerUnavailable, match="password"):
            ConnectionPool(replace(account, username="u", password="p")).connect()


@pytest.mark.parametrize("size", ["9" * 6_000, "²", "-1", "1e9"])
def test_s20_a_size_that_is_no_number_of_octets_is_no_limit(size: str):
    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", f"SIZE {size}")
        talk.take_data()

    with scripted(script) as account, ConnectionPool(account) as channel:
        assert [outcome.answer for outcome in channel.send(mails(1))] == [Answer.ACCEPTED]


@pytest.mark.parametrize("line", ["250-more", "250-" + "x" * 400])
def test_s20_a_greeting_without_end_is_cut_short(line: str):
    said: list[int] = []

    def script(talk: Talk) -> None:
        talk.say("220 scripted")
        talk.hear()
        while len(said) < 1_000:
            talk.say(*[line] * 1_000)
            said.append(1)

    with scripted(script) as account, pytest.raises(ServerUnavailable, match="without end"):
        ConnectionPool(account).connect()
    assert len(said) < 1_000


def test_s20_why_a_server_refuses_us_is_one_line_without_control_characters():
    def script(talk: Talk) -> None:
        talk.say("554-\x1b[31m\x00 go", "554 away" + "!" * 5_000)

    with scripted(script) as account, pytest.raises(ServerUnavailable) as raised:
        ConnectionPool(account).connect()
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) <= 300
