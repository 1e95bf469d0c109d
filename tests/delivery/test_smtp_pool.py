"""The SMTP client against a real server and against every fault a server can have."""

from __future__ import annotations

import threading
import time

import pytest

from listmgr.delivery.in_flight import InFlight
from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    Envelope,
    Outcome,
)
from tests.sink import Talk, running_sink, scripted

A = Answer
DATA = b"Subject: x\r\n\r\nhello\r\n"


def mails(count: int, data: bytes = DATA) -> list[Envelope]:
    return [Envelope(n, "lists@a.example", f"p{n}@b.example", data) for n in range(count)]


def answers(outcomes: list[Outcome]) -> dict[int, Answer]:
    assert len({outcome.key for outcome in outcomes}) == len(outcomes)
    return {outcome.key: outcome.answer for outcome in outcomes}


@pytest.mark.parametrize("pipelining", [True, False])
def test_many_mails_over_one_connection_to_a_real_server(pipelining: bool):
    with (
        running_sink() as sink,
        ConnectionPool(sink.account, connections=1, pipelining=pipelining) as channel,
    ):
        found = answers(list(channel.send(mails(50))))
        assert set(found.values()) == {A.ACCEPTED}
        assert [to for to, _ in sink.mails] == [f"p{n}@b.example" for n in range(50)]
        assert {octets for _, octets in sink.mails} == {DATA}
        assert answers(list(channel.send(mails(1)))) == {0: A.ACCEPTED}


def test_m14_chunking_sends_all_before_the_first_answer():
    taken: list[str] = []

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING", "SIZE 0")
        time.sleep(0.2)
        taken.extend(talk.take_chunk() for _ in range(20))

    with scripted(script) as account, ConnectionPool(account) as channel:
        found = answers(list(channel.send(mails(20))))
    assert set(found.values()) == {A.ACCEPTED}
    assert taken == [f"RCPT TO:<p{n}@b.example>" for n in range(20)]


@pytest.mark.parametrize("extensions", [("PIPELINING",), ("PIPELINING", "CHUNKING"), ("X",)])
def test_m14_one_refused_recipient_loses_nobody_else(extensions: tuple[str, ...]):
    def script(talk: Talk) -> None:
        talk.greet(*extensions)
        take = talk.take_chunk if "CHUNKING" in extensions else talk.take_data
        for n in range(10):
            if n == 3:
                take(rcpt="550 5.1.1 no such user")
            elif n == 5:
                take(reply="451 4.3.0 later")
            else:
                take()

    if extensions == ("X",):

        def script(talk: Talk) -> None:
            talk.greet("X")
            for n in range(10):
                rcpt = "550 5.1.1 no such user" if n == 3 else "250 ok"
                talk.take_data("451 4.3.0 later" if n == 5 else "250 kept", rcpt)

    with scripted(script) as account, ConnectionPool(account) as channel:
        outcomes = list(channel.send(mails(10)))
    found = answers(outcomes)
    assert {key for key, answer in found.items() if answer is A.REFUSED} == {3, 5}
    assert {key for key, answer in found.items() if answer is A.ACCEPTED} == set(range(10)) - {3, 5}
    assert [o.reply for o in outcomes if o.key == 3] == ["5.1.1 no such user"]
    assert [o.code for o in outcomes if o.key == 5] == [451]


def test_a_server_that_asks_for_the_body_after_refusing_the_recipient_gets_an_empty_one():
    bodies: list[bytes] = []

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING")
        for line in ("250 ok", "250 ok", "550 5.1.1 no", "354 go on"):
            talk.hear()
            talk.say(line)
        bodies.append(talk.body())
        talk.say("554 5.5.1 no valid recipients")
        talk.take_data()

    with scripted(script) as account, ConnectionPool(account) as channel:
        assert answers(list(channel.send(mails(2)))) == {0: A.REFUSED, 1: A.ACCEPTED}
    assert bodies == [b""]


@pytest.mark.parametrize("extension", ["CHUNKING", "X"])
def test_m16_a_reset_is_told_apart_into_taken_uncertain_and_untouched(extension: str):
    """Three are answered, the fourth is taken without an answer, then the line is cut."""

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", extension)
        take = talk.take_chunk if extension == "CHUNKING" else talk.take_data
        for _ in range(3):
            take()
        for line in ("250 ok", "250 ok", "250 ok"):
            talk.hear()
            talk.say(line)
        if extension == "CHUNKING":
            talk.file.read(int(talk.hear().split()[1]))
        else:
            talk.hear()
            talk.say("354 go on")
            talk.body()

    with scripted(script) as account, ConnectionPool(account, in_flight=InFlight(4)) as channel:
        pulled: list[int] = []

        def watched():
            for mail in mails(5):
                pulled.append(mail.key)
                yield mail

        found = answers(list(channel.send(watched())))
    assert [found[n] for n in range(3)] == [A.ACCEPTED] * 3
    assert found[3] is A.UNCERTAIN
    assert set(found) == set(pulled)
    # By DATA what followed had no chance to be taken; by BDAT some of it may have left us whole.
    rest = {answer for key, answer in found.items() if key > 3}
    assert rest <= {A.UNTOUCHED} | ({A.UNCERTAIN} if extension == "CHUNKING" else set())


def test_m16_what_has_not_left_whole_is_untouched():
    big = DATA + b"x" * 76 + b"\r\n"
    big = big + (b"y" * 76 + b"\r\n") * 200_000

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        talk.hear()
        talk.hang_up()

    with scripted(script) as account, ConnectionPool(account) as channel:
        assert answers(list(channel.send(mails(1, big)))) == {0: A.UNTOUCHED}


def test_m16_a_connection_cut_while_it_is_written_to_loses_nobody():
    """It is found out by writing, when others have been begun behind what was cut off."""

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        talk.hear()
        talk.hang_up()

    def slowly():
        for mail in mails(8, DATA + (b"y" * 76 + b"\r\n") * 20_000):
            time.sleep(0.05)
            pulled.append(mail.key)
            yield mail

    pulled: list[int] = []
    with scripted(script) as account, ConnectionPool(account) as channel:
        found = list(channel.send(slowly()))
    assert [outcome.key for outcome in found] == pulled
    assert {outcome.answer for outcome in found} <= {A.UNTOUCHED, A.UNCERTAIN}
    assert pulled and A.UNTOUCHED in {outcome.answer for outcome in found}


def test_m16_after_421_the_rest_is_untouched_and_the_next_send_reconnects():
    connections: list[int] = []

    def script(talk: Talk) -> None:
        connections.append(1)
        talk.greet("PIPELINING", "CHUNKING")
        if len(connections) == 1:
            talk.take_chunk()
            talk.hear()
            talk.say("421 4.3.2 going down")
            return
        for _ in range(10):
            talk.take_chunk()

    with scripted(script) as account, ConnectionPool(account, in_flight=InFlight(5)) as channel:
        found = answers(list(channel.send(mails(5))))
        assert found == {0: A.ACCEPTED} | dict.fromkeys(range(1, 5), A.UNTOUCHED)
        again = [mail for mail in mails(5) if found[mail.key] is A.UNTOUCHED]
        assert set(answers(list(channel.send(again))).values()) == {A.ACCEPTED}


def test_silence_ends_after_the_time_out_as_uncertain():
    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        time.sleep(2)

    with scripted(script) as account, ConnectionPool(account) as channel:
        begun = time.monotonic()
        assert answers(list(channel.send(mails(2)))) == {0: A.UNCERTAIN, 1: A.UNCERTAIN}
        assert time.monotonic() - begun < 1.9


def test_a_server_that_reads_slowly_and_answers_late_cannot_deadlock_us():
    body = DATA + (b"z" * 76 + b"\r\n") * 1000

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        for _ in range(60):
            talk.take_chunk("250 " + "long " * 100)

    with scripted(script, receive_buffer=4096) as account, ConnectionPool(account) as channel:
        assert set(answers(list(channel.send(mails(60, body)))).values()) == {A.ACCEPTED}


def test_m13_an_address_that_needs_smtputf8_is_not_mangled():
    mail = Envelope(1, "lists@a.example", "jörg@b.example", DATA, smtputf8=True)
    with running_sink() as sink, ConnectionPool(sink.account) as channel:
        assert answers(list(channel.send([mail]))) == {1: A.ACCEPTED}
        assert sink.mails[0][0] == "jörg@b.example"
    with (
        scripted(lambda talk: talk.greet("PIPELINING")) as account,
        ConnectionPool(account) as channel,
    ):
        outcome = next(channel.send([mail]))
        assert (outcome.answer, outcome.code) == (A.REFUSED, 553)
        assert outcome.reply.startswith("5.6.7")


@pytest.mark.parametrize(
    "recipient", ["a@b\r\nRCPT TO:<x@y>", "a b@c", "<a@b>", "a\0@b", "", "a" * 400]
)
def test_t17_nothing_in_an_address_becomes_a_command(recipient: str):
    mail = Envelope(1, "lists@a.example", recipient, DATA)
    with running_sink() as sink, ConnectionPool(sink.account) as channel:
        assert answers(list(channel.send([mail, *mails(1)]))) == {1: A.REFUSED, 0: A.ACCEPTED}
        assert len(sink.mails) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"a\r\n.\r\nMAIL FROM:<x>\r\n",
        b"a\n.\nMAIL\r\n",
        b"a\r.\rb\r\n",
        b".\r\n",
        b"no end",
        b"a\n",
    ],
)
def test_m14_smuggling_by_dots_and_lone_line_ends_is_refused_here(data: bytes):
    with running_sink() as sink, ConnectionPool(sink.account) as channel:
        outcome = next(channel.send([Envelope(1, "a@b.example", "c@d.example", data)]))
        assert (outcome.answer, outcome.code) == (A.REFUSED, 554)
        assert sink.mails == []


def test_a_mail_over_the_announced_size_stays_here():
    with running_sink(data_size_limit=1000) as sink, ConnectionPool(sink.account) as channel:
        outcomes = list(channel.send(mails(1, DATA + b"x" * 2000 + b"\r\n")))
        assert (outcomes[0].code, outcomes[0].reply[:5]) == (552, "5.3.4")


def test_a_kept_connection_the_server_closed_is_opened_again():
    connections = threading.Semaphore(0)

    def script(talk: Talk) -> None:
        connections.release()
        talk.greet("PIPELINING")
        talk.take_data()

    with scripted(script) as account, ConnectionPool(account) as channel:
        for _ in range(3):
            assert answers(list(channel.send(mails(1)))) == {0: A.ACCEPTED}
            time.sleep(0.1)
    assert all(connections.acquire(blocking=False) for _ in range(3))
