"""The headers of a compiled mail: one-click, list, identity; T-17: nothing breaks out of one."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from listmgr.delivery.message.errors import MessageError
from listmgr.delivery.message.headers import HeaderRefused
from tests.delivery.compiling import (
    ANN,
    BASE,
    CONTROLS,
    DATE,
    UNHURRIED,
    body,
    check_wire,
    compiled,
    read,
    render,
)
from tests.delivery.test_message import tidy


def test_m01_both_one_click_headers_stand_exactly_so():
    lines = render(compiled(), token="abc.def").split(b"\r\n\r\n")[0].split(b"\r\n")
    assert lines.count(b"List-Unsubscribe: <https://example.org/u/abc.def>") == 1
    assert lines.count(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1
    assert sum(line.lower().startswith(b"list-unsubscribe") for line in lines) == 2


@pytest.mark.parametrize("base", ["http://example.org/u/", "mailto:a@example.org?", "/u/", ""])
def test_m01_the_link_is_https(base: str):
    with pytest.raises(MessageError, match="must begin with https://"):
        compiled(unsubscribe_base=base)


def test_m03_the_uri_stays_unbroken_however_long():
    base, token = f"https://example.org/{'x' * 470}/", "t" * 400
    octets = render(compiled(unsubscribe_base=base), token=token)
    check_wire(octets)
    assert f"\r\nList-Unsubscribe: <{base}{token}>\r\n".encode() in octets


def test_m04_the_list_has_an_identity_that_people_can_read():
    octets = render(compiled(list_id="Grüße & more <gruesse-1.example.org>"))
    check_wire(octets)
    assert read(octets)["List-Id"] == "Grüße & more <gruesse-1.example.org>"
    assert b" <gruesse-1.example.org>\r\n" in octets


def test_m12_each_header_stands_once_and_the_message_id_is_in_our_domain():
    parsed = read(
        render(
            compiled(
                reply_to="answers@example.org",
                language="de",
                extra_headers=(("Feedback-ID", "7:news"), ("Auto-Submitted", "auto-generated")),
            ),
            message_id="7.abc",
        )
    )
    names = [name.lower() for name in parsed.keys()]  # noqa: SIM118 - a message is no mapping
    assert len(names) == len(set(names))
    assert parsed["Message-ID"] == "<7.abc@example.org>"
    assert parsed["Reply-To"] == "answers@example.org"
    assert parsed["Content-Language"] == "de"
    assert parsed["Feedback-ID"] == "7:news"
    assert parsed["MIME-Version"] == "1.0"


def test_m13_a_local_part_beyond_ascii_stands_as_utf8():
    octets = render(compiled(), to="jörg.ünï+x@xn--bcher-kva.example")
    assert "\r\nTo: jörg.ünï+x@xn--bcher-kva.example\r\n".encode() in octets
    assert str(message_from_bytes(octets, policy=default)["To"]).startswith("jörg.ünï+x@")


@pytest.mark.parametrize("name", ["Bcc", "subject", "List-Unsubscribe", "DATE", "Sender"])
def test_headers_of_the_program_cannot_be_set_twice(name: str):
    with pytest.raises(MessageError, match="is set by the program"):
        compiled(extra_headers=((name, "x"),))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
@pytest.mark.parametrize(
    "where", ["subject", "from_name", "from_address", "reply_to", "list_id", "unsubscribe_base"]
)
def test_t17_a_control_in_a_header_is_refused_when_compiled(where: str, control: str):
    good = BASE | {"reply_to": "a@example.org"}
    evil = good[where][:3] + control + good[where][3:]
    with pytest.raises(MessageError, match=f"U\\+{ord(control):04X}"):
        compiled(**{where: evil})


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_t17_a_control_in_further_headers_is_refused(control: str):
    for extra in ((("X-A", f"a{control}Bcc: b"),), ((f"X-A{control}B", "a"),)):
        with pytest.raises(MessageError):
            compiled(extra_headers=extra)
    with pytest.raises(MessageError):
        compiled(language=f"de{control}Bcc: b")
    with pytest.raises(MessageError):
        compiled(message_id_domain=f"example.org{control}Bcc: b")


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_t17_a_control_in_what_a_recipient_brings_is_refused(control: str):
    message = compiled()
    for evil in (
        {"to": f"a{control}b@example.org"},
        {"to": f"ab@example.org{control}"},
        {"token": f"a{control}"},
        {"message_id": f"1{control}"},
        {"date": DATE + control},
    ):
        with pytest.raises(ValueError):
            render(message, **evil)
    with pytest.raises(ValueError):
        render(compiled(text="{{ preferences_url }}"), preferences_token=f"a{control}")


@pytest.mark.parametrize(
    "to",
    [
        "",
        "a",
        "a@",
        "@b",
        "a@b,c@d",
        "a@b>",
        "<a@b",
        "a b@c",
        '"a"@b',
        "a@b@c",
        "a@b;",
        "x(y)@z",
        "a@bü",
        "\ud800@example.org",
    ],
)
def test_t17_an_address_that_would_read_as_another_is_refused(to: str):
    with pytest.raises(ValueError, match="cannot stand in a header"):
        render(compiled(), to=to)


@UNHURRIED
@given(st.text() | st.sampled_from(["A\r\nBcc: e@evil.example", "A\n\n<script>", "\x85b\u2028c"]))
def test_t17_a_field_adds_no_header_and_no_line_to_a_subject(evil):
    subject = "Hi {{ first_name }}, {{ 'one\\r\\nBcc: two' }}"
    octets = render(compiled(subject=subject), ANN | {"first_name": evil})
    check_wire(octets)
    parsed, calm = read(octets), read(render(compiled()))
    assert parsed.keys() == calm.keys()
    assert parsed["Bcc"] is None
    assert parsed["Subject"].count("Bcc") == 1 + evil.count("Bcc")
    assert body(parsed, "html") == body(calm, "html")


@UNHURRIED
@given(st.text())
def test_t17_controls_in_bodies_are_dropped_and_the_rest_is_kept(evil):
    text, html = "[{{ first_name }}]", "<p>{{ first_name }}</p>"
    octets = render(compiled(text=text, html=html), ANN | {"first_name": evil})
    check_wire(octets)
    kept = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", "", tidy(evil))
    assert body(read(octets), "plain") == f"[{kept}]\n"
    assert body(read(octets), "html") == f"<p>{escape(kept)}</p>\n"


def test_half_a_character_is_refused_or_dropped_never_an_accident():
    with pytest.raises(MessageError):
        compiled(subject="\ud83d")
    assert body(read(render(compiled(text="a\ud83db"))), "plain") == "ab\n"


def test_header_refusals_are_told_as_bad_input():
    assert not issubclass(HeaderRefused, MessageError)
    with pytest.raises(MessageError, match="From needs an address like"):
        compiled(from_address="no address")
    with pytest.raises(MessageError, match="Write a subject"):
        compiled(subject="  ")
    with pytest.raises(MessageError, match="needs a domain like"):
        compiled(message_id_domain="exa mple")
