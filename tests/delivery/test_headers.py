"""Header lines are folded, encoded and refused as the standards say, and read back unchanged."""

from __future__ import annotations

import base64
import re
from email import message_from_string
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listmgr.delivery.message import headers
from listmgr.delivery.message.headers import HeaderRefused

UNHURRIED = settings(deadline=None)
LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
VALUES = (st.text(LETTERS, max_size=200) | st.text('ab =?"\\<>,;.ü', max_size=200)).map(str.strip)
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xD800)]


def check_line(line: str) -> None:
    """ASCII of at most 76 columns; every further line begins with a blank."""
    first, *others = line.split("\r\n")
    for part in (first, *others):
        assert part.isascii()
        assert not re.search("[\r\n]", part)
        assert len(part) <= 76
        assert part.strip()
    assert all(part.startswith(" ") for part in others)


@UNHURRIED
@given(VALUES.filter(bool))
def test_m12_a_header_is_read_back_as_it_was_typed(value):
    line = headers.header("X-Anything", value)
    check_line(line)
    parsed = message_from_string(line + "\r\n\r\n", policy=default)["X-Anything"]
    assert parsed == value
    assert not parsed.defects


@UNHURRIED
@given(VALUES)
def test_m12_a_display_name_is_read_back_as_it_was_typed(display):
    line = headers.mailbox("Reply-To", display, "news+a@xn--bcher-kva.example")
    check_line(line)
    # Not by policy.default: Python 3.11 puts blanks between the encoded words of a name.
    name, address = parseaddr(line.partition(":")[2].replace("\r\n", ""))
    assert address == "news+a@xn--bcher-kva.example"
    # Readers make one blank of many, in a name in quotes as well.
    assert str(make_header(decode_header(name))).split() == display.split()


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("Plain words", "Subject: Plain words"),
        ("Grüße", "Subject: =?utf-8?b?R3LDvMOfZQ==?="),
        ("two  blanks", "Subject: =?utf-8?b?dHdvICBibGFua3M=?="),
        ("=?utf-8?q?A?=", "Subject: =?utf-8?b?PT91dGYtOD9xP0E/PQ==?="),
        ("  outer  ", "Subject: outer"),
        ("", "Subject:"),
    ],
)
def test_a_header_is_encoded_only_where_it_must_be(value: str, line: str):
    assert headers.header("Subject", value) == line


def test_long_values_are_folded_between_words_and_characters_stay_whole():
    plain = headers.header("Subject", "word " * 60)
    assert len(plain.split("\r\n")) == 5
    for word in headers.header("Subject", "👩‍👩‍👧 " * 40).split()[1:]:
        base64.b64decode(word.split("?")[3]).decode()


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_t17_every_maker_of_a_header_refuses_controls(control: str):
    evil = f"a{control}Bcc: b@c.example"
    for make in (
        lambda: headers.header("Subject", evil),
        lambda: headers.header(evil, "a"),
        lambda: headers.mailbox("From", evil, "a@example.org"),
        lambda: headers.mailbox("From", "a", f"a{control}@example.org"),
        lambda: headers.mailbox("From", "a", f"a@example.org{control}"),
        lambda: headers.list_id(evil, "news", "example.org"),
        lambda: headers.list_id("News", f"news{control}", "example.org"),
        lambda: headers.list_id("News", "news", f"example.org{control}"),
        lambda: headers.list_id_header(f"{evil} <news.example.org>"),
        lambda: headers.unsubscribe_base(f"https://example.org/{control}"),
        lambda: headers.envelope_sender(f"a{control}", "example.org"),
        lambda: headers.envelope_sender("a", f"example.org{control}"),
    ):
        with pytest.raises(HeaderRefused):
            make()


def test_t17_the_refusal_says_which_character_stands_where():
    with pytest.raises(
        HeaderRefused, match=r"^Subject contains .* \(U\+000D at position 3\)\. Remove"
    ):
        headers.header("Subject", "ab\r\nBcc: c")


@UNHURRIED
@given(st.text())
def test_t17_scrubbed_words_are_one_line_of_the_same_length(value):
    scrubbed = headers.scrub(value)
    assert len(scrubbed) == len(value)
    assert headers.clean(scrubbed, what="x") == scrubbed.strip()
    if not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", value):
        assert scrubbed == value


@pytest.mark.parametrize(
    "address",
    ["a", "@example.org", "a@", "jörg@example.org", "a@bücher.example", "a b@c.de", "a@b, c@d"],
)
def test_a_sender_has_a_plain_address(address: str):
    with pytest.raises(HeaderRefused, match="needs an address like"):
        headers.mailbox("From", "News", address)


def test_m04_list_id_is_stable_short_and_lower_case():
    assert headers.list_id("Our News", "News", "Example.ORG") == "Our News <news.example.org>"
    assert headers.list_id("", "news", "example.org") == "<news.example.org>"
    with pytest.raises(HeaderRefused, match="255"):
        headers.list_id("x" * 250, "news", "example.org")
    for label in ("", "-a", "a b", "a.b", "a>", "ü"):
        with pytest.raises(HeaderRefused):
            headers.list_id("x", label, "example.org")


@pytest.mark.parametrize("value", ["", "News", "News <>", "News <a b>", "News <a>b"])
def test_m04_what_is_no_list_id_is_refused(value: str):
    with pytest.raises(HeaderRefused, match="List-Id looks like"):
        headers.list_id_header(value)


@pytest.mark.parametrize(
    "base",
    [
        "http://example.org/u/",
        "https://example.org/ü",
        "https://example.org/<",
        "https://example.org/a b",
        "https://example.org/" + "x" * 500,
        "javascript:alert(1)",
        "http://localhost.evil.example/",
    ],
)
def test_m01_only_https_can_be_clicked_once(base: str):
    with pytest.raises(HeaderRefused, match="must begin with https://"):
        headers.unsubscribe_base(base)


def test_m01_this_very_machine_may_go_without():
    for base in ("https://example.org/u/", "http://localhost:8000/u/", "http://127.0.0.1/u/"):
        assert headers.unsubscribe_base(base) == base


def test_m08_the_envelope_sender_holds_a_token_and_no_address():
    made = headers.envelope_sender("abc234", "bounce.example.org")
    assert made == "b+abc234@bounce.example.org"
    assert headers.envelope_token(f"<{made.upper()}>", "bounce.example.org") == "abc234"
    assert len(headers.envelope_sender("a" * 62, "b.example").partition("@")[0]) == 64
    for other in (
        "b+abc234@else.example",
        "abc234@bounce.example.org",
        "b+@bounce.example.org",
        "",
    ):
        assert headers.envelope_token(other, "bounce.example.org") is None
    for token in ("", "ABC", "a1", "a" * 63, "a@b"):
        with pytest.raises(HeaderRefused):
            headers.envelope_sender(token, "bounce.example.org")
