"""The SMTP client against a real Postfix, and against its smtp-sink."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from listmgr.config import MailSettings
from listmgr.delivery.message.compiled import MessageContent
from listmgr.delivery.message.compiler import compile_message
from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    Envelope,
    Outcome,
    ServerUnavailable,
)
from tests.ports import kept_port
from tests.postfix import INSTALL, Postfix, needs_postfix, running_postfix

A = Answer
pytestmark = needs_postfix


@pytest.fixture(scope="module")
def shared() -> Iterator[Postfix]:
    with running_postfix() as started:
        yield started


@pytest.fixture
def postfix(shared: Postfix) -> Postfix:
    for path in (shared.folder / "mail").rglob("*:*"):
        path.unlink()
    for path in (shared.folder / "mail/all/new").glob("*"):
        path.unlink()
    shared.signed_in.clear()
    return shared


MESSAGE = compile_message(
    MessageContent(
        subject="Für {{ first_name }}",
        text="Guten Tag {{ first_name }}\n.\n..\n",
        html="<p>Guten Tag {{ first_name }}</p>\n.\n",
        from_address="lists@news.example.org",
        message_id_domain="news.example.org",
        unsubscribe_base="https://news.example.org/u/",
        list_id="News <news.example.org>",
    )
)


def mail(key: int, to: str, name: str = "Änne") -> Envelope:
    data = MESSAGE.render(
        [name], to=to, token="t", message_id=f"m{key}", date="Mon, 23 Nov 2026 12:00:00 +0000"
    )
    utf8 = not to.isascii()
    return Envelope(key, "lists@news.example.org", to, data, smtputf8=utf8, made_here=True)


def mails(count: int) -> list[Envelope]:
    return [mail(n, f"p{n}@b.example", f"Änne {n}") for n in range(count)]


def answers(outcomes: list[Outcome]) -> dict[int, Answer]:
    assert len({outcome.key for outcome in outcomes}) == len(outcomes)
    return {outcome.key: outcome.answer for outcome in outcomes}


def recipients(found: list[bytes]) -> list[str]:
    return sorted(re.findall(rb"(?m)^Delivered-To: (.*)$", octets)[0].decode() for octets in found)


@pytest.mark.parametrize(
    ("options", "offered"),
    [({}, True), ({"chunking": False}, True), ({"pipelining": False}, True)],
    ids=["chunking", "pipelining", "lock-step"],
)
def test_m14_postfix_takes_a_window_whichever_way_it_is_handed_over(
    postfix: Postfix, options: dict[str, bool], offered: bool
):
    with ConnectionPool(postfix.account, **options) as channel:
        assert answers(list(channel.send(mails(40)))) == dict.fromkeys(range(40), A.ACCEPTED)
        assert {"PIPELINING", "CHUNKING", "SMTPUTF8"} <= set(channel.extensions)
    found = postfix.mails(40)
    assert recipients(found) == sorted(f"p{n}@b.example" for n in range(40))
    parsed = message_from_bytes(found[0], policy=default)
    assert parsed["Subject"].startswith("Für Änne")
    assert parsed.get_body(("plain",)).get_content().endswith("\n.\n..\n")  # type: ignore[union-attr]


def test_one_after_the_other_where_pipelining_is_not_offered():
    with running_postfix(smtpd_discard_ehlo_keywords="pipelining, chunking") as postfix:
        with ConnectionPool(postfix.account, connections=2) as channel:
            assert answers(list(channel.send(mails(12)))) == dict.fromkeys(range(12), A.ACCEPTED)
            assert "PIPELINING" not in channel.extensions
        assert len(postfix.mails(12)) == 12


@pytest.mark.parametrize("chunking", [True, False])
def test_m14_refused_and_deferred_ones_inside_a_window_lose_nobody_else(
    postfix: Postfix, chunking: bool
):
    window = mails(20)
    window[3], window[4] = mail(3, "unknown@b.example"), mail(4, "later@b.example")
    window[11], window[19] = mail(11, "later@b.example"), mail(19, "unknown@b.example")
    with ConnectionPool(postfix.account, connections=1, chunking=chunking) as channel:
        outcomes = {outcome.key: outcome for outcome in channel.send(window)}
    assert {key for key, one in outcomes.items() if one.answer is A.ACCEPTED} == (
        set(range(20)) - {3, 4, 11, 19}
    )
    for key, code, told in [(3, 550, "5.1.1"), (19, 550, "5.1.1"), (4, 450, "4.2.0")]:
        assert (outcomes[key].answer, outcomes[key].code) == (A.REFUSED, code)
        assert outcomes[key].reply.startswith(told)
    assert (outcomes[11].answer, outcomes[11].code) == (A.REFUSED, 450)
    assert len(postfix.mails(16)) == 16


def test_m13_postfix_takes_an_address_beyond_ascii(postfix: Postfix):
    with ConnectionPool(postfix.account) as channel:
        assert answers(list(channel.send([mail(1, "jörg@b.example")]))) == {1: A.ACCEPTED}
    assert recipients(postfix.mails(1)) == ["jörg@b.example"]


def test_starttls_is_verified_and_then_used(postfix: Postfix, monkeypatch: pytest.MonkeyPatch):
    account = replace(postfix.account, security="starttls")
    with pytest.raises(ServerUnavailable, match="TLS failed"):
        ConnectionPool(account).connect()
    monkeypatch.setenv("SSL_CERT_FILE", postfix.authority)
    with pytest.raises(ServerUnavailable, match="TLS failed"):
        # The certificate is for the address, not for this name.
        ConnectionPool(replace(account, host="localhost")).connect()
    with ConnectionPool(account) as channel:
        assert answers(list(channel.send(mails(30)))) == dict.fromkeys(range(30), A.ACCEPTED)
    found = postfix.mails(30)
    assert len(found) == 30
    assert all(b"using TLSv1." in octets for octets in found)


def test_signing_in_is_accepted_and_refused(postfix: Postfix, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", postfix.authority)
    account = replace(postfix.account, security="starttls", username="listmgr")
    with pytest.raises(ServerUnavailable, match="password is not accepted: 535"):
        ConnectionPool(replace(account, password="wrong")).connect()
    assert postfix.signed_in == []
    with ConnectionPool(replace(account, password="right")) as channel:
        assert answers(list(channel.send(mails(2)))) == {0: A.ACCEPTED, 1: A.ACCEPTED}
    assert postfix.signed_in == ["listmgr"]


def test_no_sign_in_in_the_clear(postfix: Postfix):
    with pytest.raises(ServerUnavailable, match="offers neither AUTH"):
        ConnectionPool(replace(postfix.account, username="listmgr", password="right")).connect()
    assert postfix.signed_in == []


# CVE-2023-51764: ends of a mail that one server sees and another does not.
SHAPES = ["\n.\r\n", "\n.\n", "\r.\r", "\r\n.\r", "\r\n.\n", "\r.\r\n", "\0\r\n.\r\n", "\r\n.\r\n"]


@pytest.mark.parametrize("chunking", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=[repr(shape) for shape in SHAPES])
def test_m14_nothing_written_by_anybody_becomes_a_second_mail(
    postfix: Postfix, shape: str, chunking: bool
):
    evil = f"a{shape}MAIL FROM:<x@evil.example>\r\nRCPT TO:<v@b.example>\r\nDATA\r\nx{shape}"
    message = compile_message(
        MessageContent(
            subject="News",
            text=f"{evil}\n{{{{ first_name }}}}",
            html=f"<p>{evil}{{{{ first_name }}}}</p>",
            from_address="lists@news.example.org",
            message_id_domain="news.example.org",
            unsubscribe_base="https://news.example.org/u/",
            list_id="News <news.example.org>",
        )
    )
    octets = message.render(
        [evil], to="p1@b.example", token="t", message_id="m", date="Mon, 23 Nov 2026 12:00:00 +0000"
    )
    one = Envelope(1, "lists@news.example.org", "p1@b.example", octets, made_here=True)
    with ConnectionPool(postfix.account, chunking=chunking) as channel:
        assert answers(list(channel.send([one, mail(2, "p2@b.example")]))) == {
            1: A.ACCEPTED,
            2: A.ACCEPTED,
        }
    assert recipients(postfix.mails(2)) == ["p1@b.example", "p2@b.example"]


@pytest.fixture
def smtp_sink() -> Iterator[MailSettings]:
    program = shutil.which("smtp-sink")
    if program is None:
        pytest.skip(f"no smtp-sink; {INSTALL}")
    with kept_port() as port:
        process = subprocess.Popen([program, "-u", "nobody", "-8", f"127.0.0.1:{port}", "100"])
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and process.poll() is None:
                with socket.socket() as knock:
                    if knock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield MailSettings("127.0.0.1", port, sender="lists@news.example.org", timeout=10.0)
        finally:
            process.terminate()
            process.wait()


def test_the_port_of_a_server_that_starts_is_nobody_elses():
    with kept_port() as port, socket.socket() as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)) as server:
            socket.create_connection(("127.0.0.1", port)).close()
            server.accept()[0].close()


def test_a_postfix_that_does_not_start_says_why_and_leaves_no_log(shared: Postfix):
    with (
        pytest.raises(AssertionError, match="exclusive lock") as raised,
        running_postfix(data_directory=f"{shared.folder}/data"),
    ):
        pass
    log = re.search(r"/var/log/\S+", str(raised.value))
    assert log is not None
    assert not Path(log[0]).exists()


def test_smtp_sink_takes_everything(smtp_sink: MailSettings):
    with ConnectionPool(smtp_sink) as channel:
        assert answers(list(channel.send(mails(200)))) == dict.fromkeys(range(200), A.ACCEPTED)
