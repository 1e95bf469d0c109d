"""Several connections to one account: opened while all wait, and none of them loses a mail."""

from __future__ import annotations

import threading
import time

import pytest

from listmgr.config import SettingsError, load_settings
from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    Envelope,
    ServerUnavailable,
)
from tests.sink import Talk, running_sink, scripted

A = Answer


def mails(count: int) -> list[Envelope]:
    data = b"Subject: x\r\n\r\nhello\r\n"
    return [Envelope(n, "lists@a.example", f"p{n}@b.example", data) for n in range(count)]


class Crowd:
    """Counts connections and answers each end of data late, as a distant server does."""

    def __init__(self, *extensions: str, late: float = 0.0, most: int = 99) -> None:
        self.extensions, self.late, self.most = extensions, late, most
        self.opened = 0
        self.taken: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, talk: Talk) -> None:
        with self.lock:
            self.opened += 1
            number = self.opened
        if number > self.most:
            talk.say("421 4.7.0 too many connections")
            return
        talk.greet(*self.extensions)
        while True:
            recipient = talk.take_data(before=lambda: time.sleep(self.late))
            with self.lock:
                self.taken.append(recipient)


def test_a_distant_server_is_spoken_to_over_as_many_connections_as_allowed():
    crowd = Crowd("PIPELINING", late=0.05)
    with scripted(crowd, connections=4) as account, ConnectionPool(account) as channel:
        found = [outcome.answer for outcome in channel.send(mails(20))]
        # They are kept: the next window opens none.
        found += [outcome.answer for outcome in channel.send(mails(20))]
    assert found == [A.ACCEPTED] * 40
    assert crowd.opened == 4
    assert sorted(crowd.taken) == sorted(f"RCPT TO:<p{n}@b.example>" for n in (*range(20),) * 2)


def test_a_server_that_refuses_one_more_connection_gets_no_more():
    crowd = Crowd("PIPELINING", late=0.02, most=2)
    with scripted(crowd, connections=6) as account, ConnectionPool(account) as channel:
        found = [outcome.answer for outcome in channel.send(mails(20))]
    assert found == [A.ACCEPTED] * 20
    # Two that serve and the two refused together; they were not asked again and again.
    assert crowd.opened == 4


def test_m16_a_connection_that_breaks_loses_nobody_of_the_others():
    opened: list[int] = []

    def script(talk: Talk) -> None:
        opened.append(1)
        number = len(opened)
        talk.greet("PIPELINING")
        for _ in range(2 if number == 2 else 99):
            talk.take_data(before=lambda: time.sleep(0.02))
        talk.hang_up()

    with scripted(script, connections=3) as account, ConnectionPool(account) as channel:
        outcomes = list(channel.send(mails(30)))
    assert sorted(outcome.key for outcome in outcomes) == list(range(30))
    lost = [outcome for outcome in outcomes if outcome.answer is not A.ACCEPTED]
    # At most what was under way there: one being answered, one whose commands went along.
    assert 1 <= len(lost) <= 2
    assert {outcome.answer for outcome in lost} <= {A.UNCERTAIN, A.UNTOUCHED}


def test_chunking_needs_one_connection_where_the_server_keeps_up():
    opened: list[int] = []

    def script(talk: Talk) -> None:
        opened.append(1)
        talk.greet("PIPELINING", "CHUNKING")
        while True:
            talk.take_chunk()

    with scripted(script, connections=8) as account, ConnectionPool(account) as channel:
        found = [outcome.answer for outcome in channel.send(mails(40))]
    assert found == [A.ACCEPTED] * 40
    assert len(opened) == 1


def test_lock_step_is_spoken_over_several_connections_too():
    crowd = Crowd("X", late=0.02)
    with scripted(crowd, connections=3) as account, ConnectionPool(account) as channel:
        found = [outcome.answer for outcome in channel.send(mails(12))]
    assert found == [A.ACCEPTED] * 12
    assert crowd.opened == 3


def test_a_real_server_over_several_connections():
    with running_sink() as sink, ConnectionPool(sink.account, connections=5) as channel:
        found = [outcome.answer for outcome in channel.send(mails(100))]
        assert found == [A.ACCEPTED] * 100
        assert sorted(to for to, _ in sink.mails) == sorted(f"p{n}@b.example" for n in range(100))


def test_all_gone_is_told_before_the_next_window_begins():
    def script(talk: Talk) -> None:
        talk.greet("PIPELINING")
        talk.take_data()

    with scripted(script, connections=2) as account, ConnectionPool(account) as channel:
        list(channel.send(mails(2)))
    with pytest.raises(ServerUnavailable):
        channel.connect()


@pytest.mark.parametrize("wrong", ["0", "many", "-1", "1001"])
def test_the_setting_says_what_to_write(tmp_path, wrong: str):
    env = {"LISTMGR_DATA_DIR": str(tmp_path), "LISTMGR_SMTP_CONNECTIONS": wrong}
    with pytest.raises(SettingsError, match="1 to 1000"):
        load_settings(env)
    assert load_settings(env | {"LISTMGR_SMTP_CONNECTIONS": "3"}).mail.connections == 3
