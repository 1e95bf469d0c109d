"""One transactional mail over real sockets: what it looks like, and what each fault means."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from flask import Flask

from listmgr.config import MailSettings
from listmgr.kit.mail import (
    MailReceipt,
    MailRefused,
    MailServerAway,
    MailUncertain,
    OutgoingMail,
    as_message,
    make_post,
)
from tests.sink import Talk, running_sink, scripted

LETTER = OutgoingMail(
    to="anna@example.com",
    subject="Bitte bestätigen Sie Ihre Anmeldung",
    text="Grüße\n.ein Punkt am Anfang\n" + "lang " * 500,
    html="<p>" + "ein sehr langer Absatz mit Ümläuten " * 200 + "</p>",
    sender_name="Müller & Töchter",
    sender_address="brief@news.example.org",
    headers=(("Auto-Submitted", "auto-generated"),),
)


def post(settings: MailSettings, letter: OutgoingMail = LETTER) -> MailReceipt:
    return make_post(Flask("test"))(letter, settings)


@pytest.fixture(scope="module")
def sink():
    with running_sink() as started:
        yield started


@pytest.mark.parametrize("to", ["anna@example.com", "jürgen@example.com"])
def test_m12_what_arrives_is_sound_mail(sink, to):
    sink.mails.clear()
    receipt = post(sink.account, replace(LETTER, to=to))
    [(recipient, octets)] = sink.mails
    assert recipient == to
    assert receipt.reply == "250 2.0.0 kept"
    assert octets.replace(b"\r\n", b"\n") == receipt.mime.replace(b"\r\n", b"\n")
    lines = receipt.mime.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", receipt.mime)
    if to.isascii():
        assert receipt.mime.isascii()
    parsed = message_from_bytes(octets, policy=default)
    assert [str(value) for value in parsed.get_all("From")] == [
        "Müller & Töchter <brief@news.example.org>"
    ]
    for name in ("To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted"):
        assert len(parsed.get_all(name)) == 1
    assert re.fullmatch(r"<[0-9a-f]{32}@news\.example\.org>", parsed["Message-ID"])
    assert parsed["Subject"] == LETTER.subject
    assert parsed.get_content_type() == "multipart/alternative"
    kinds = [(p.get_content_type(), p["Content-Transfer-Encoding"]) for p in parsed.iter_parts()]
    assert kinds == [("text/plain", "quoted-printable"), ("text/html", "quoted-printable")]
    text = parsed.get_body(("plain",)).get_content()
    assert text.split() == LETTER.text.split()


def test_m12_no_two_message_ids_are_the_same():
    assert len({as_message(LETTER)["Message-ID"] for _ in range(50)}) == 50


UNSAFE = ["\r\nBcc: v@example.org", "\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("unsafe", UNSAFE)
@pytest.mark.parametrize("field", ["to", "subject", "sender_name", "sender_address", "headers"])
def test_t17_nothing_breaks_out_of_a_header(field, unsafe):
    value = f"{getattr(LETTER, field)}{unsafe}x" if field != "headers" else (("X-A", unsafe),)
    with pytest.raises(MailRefused) as refused:
        as_message(replace(LETTER, **{field: value}))
    assert refused.value.permanent


# What a server may say, and what that means for the mail.


def upto(command: str, reply: str, *, then: str = ""):
    """Answer as a server does up to a command, then give this reply."""
    answers = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 kept"}

    def script(talk: Talk) -> None:
        talk.greet()
        for step, usual in answers.items():
            if step == ".":
                talk.body()
            else:
                assert talk.hear().upper().startswith(step)
            if step == command:
                if reply == "silence":
                    time.sleep(2)
                elif reply != "hang up":
                    talk.say(reply)
                return
            talk.say(usual)

    return script


@pytest.mark.parametrize(
    ("command", "reply", "meaning"),
    [
        ("MAIL", "530 5.7.0 sign in first", MailServerAway),
        ("MAIL", "451 4.3.0 later", MailServerAway),
        ("MAIL", "hang up", MailServerAway),
        ("MAIL", "silence", MailServerAway),
        ("RCPT", "550 5.1.1 no such user", "permanent"),
        ("RCPT", "450 4.2.0 greylisted", "transient"),
        ("RCPT", "421 4.3.2 closing", MailServerAway),
        ("RCPT", "silence", MailServerAway),
        ("DATA", "554 5.5.1 no", "permanent"),
        ("DATA", "451 4.3.0 later", "transient"),
        ("DATA", "silence", MailServerAway),
        ("DATA", "hang up", MailServerAway),
        (".", "554 5.6.0 content refused", "permanent"),
        (".", "452 4.3.1 disk full", "transient"),
        # From here on the server may have taken it.
        (".", "silence", MailUncertain),
        (".", "hang up", MailUncertain),
    ],
)
def test_m16_only_what_surely_did_not_go_may_go_again(command, reply, meaning):
    with scripted(upto(command, reply)) as settings:
        began = time.monotonic()
        with pytest.raises((MailRefused, MailServerAway, MailUncertain)) as raised:
            post(settings)
        assert time.monotonic() - began < 5
    if isinstance(meaning, str):
        assert isinstance(raised.value, MailRefused)
        assert raised.value.permanent is (meaning == "permanent")
    else:
        assert type(raised.value) is meaning
    assert "anna" not in str(raised.value)


def test_a_server_that_is_down_or_never_greets_is_away():
    with pytest.raises(MailServerAway):
        post(MailSettings("127.0.0.1", 1, timeout=1.0))
    with scripted(lambda _talk: time.sleep(3)) as settings, pytest.raises(MailServerAway):
        post(settings)


def test_a_server_that_hangs_up_after_taking_it_has_taken_it():
    with scripted(upto(".", "250 2.0.0 kept")) as settings:
        assert post(settings).reply == "250 2.0.0 kept"


def test_an_address_beyond_ascii_is_refused_where_the_server_cannot():
    with scripted(lambda talk: (talk.greet(), talk.hear())) as settings:
        with pytest.raises(MailRefused) as refused:
            post(settings, replace(LETTER, to="jürgen@example.com"))
    assert refused.value.permanent


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory) -> ssl.SSLContext:
    """A certificate nobody has vouched for."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    asked = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout"
    subprocess.run(
        ["openssl", *asked.split(), str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_a_certificate_that_does_not_hold_gets_no_mail(self_signed):
    with running_sink(tls_context=self_signed) as sink:
        with pytest.raises(MailServerAway, match="SSLCertVerificationError"):
            post(replace(sink.account, security="starttls"))
        assert sink.mails == []


def test_a_server_without_tls_gets_no_mail_when_tls_is_asked_for(sink):
    sink.mails.clear()
    with pytest.raises(MailServerAway):
        post(replace(sink.account, security="starttls"))
    with pytest.raises(MailServerAway):
        post(replace(sink.account, security="tls"))
    with pytest.raises(MailServerAway):
        post(replace(sink.account, username="u", password="p"))
    assert sink.mails == []


def test_s20_a_reply_without_end_is_cut_short():
    said: list[int] = []

    def script(talk: Talk) -> None:
        talk.greet()
        talk.hear()
        while len(said) < 1_000_000:
            talk.say(*["250-more"] * 1_000)
            said.append(1_000)

    with scripted(script) as settings:
        with pytest.raises(MailServerAway):
            post(settings)
    assert sum(said) < 1_000_000


def test_s20_what_the_server_says_is_kept_as_one_short_line_without_control_characters():
    nasty = "2.0.0 \x1b[31mred \x00\x07 \u202egpj.exe " + "x" * 5_000
    with scripted(upto(".", f"250 {nasty}")) as settings:
        reply = post(settings).reply
    assert reply.isprintable()
    assert reply.startswith("250 2.0.0  [31mred")
    assert len(reply) < 400
    with scripted(upto("RCPT", f"550 {nasty}")) as settings:
        with pytest.raises(MailRefused) as raised:
            post(settings)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400
