"""Addresses: one identity for every spelling, and clear words for what is none."""

from __future__ import annotations

import unicodedata

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from listmgr.subscribers.address import (
    AddressError,
    fingerprint,
    is_role,
    mask,
    parse_address,
    typo_hint,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna@Example.COM", "anna@example.com"),
        ("anna@müller.de", "anna@xn--mller-kva.de"),
        ("anna@MÜLLER.de", "anna@müller.de"),
        (" anna@example.com\t", "anna@example.com"),
        ("anna@example.com.", "anna@example.com"),
        ("jürgen@example.com", unicodedata.normalize("NFD", "Jürgen") + "@example.com"),
    ],
)
def test_t22_spellings_of_one_mailbox_have_one_key(one, other):
    assert parse_address(one).key == parse_address(other).key


def test_t22_dots_and_tags_make_a_person_only_for_limits():
    plain, tagged = parse_address("anna.b@gmail.com"), parse_address("annab+news@googlemail.com")
    assert plain.key != tagged.key
    assert plain.mailbox_key == tagged.mailbox_key == "annab@gmail.com"


def test_t22_what_is_sent_to_keeps_the_local_part_as_typed():
    address = parse_address("Anna.Muster@Bücher.example")
    assert address.display == "Anna.Muster@bücher.example"
    assert address.envelope == "Anna.Muster@xn--bcher-kva.example"
    assert not address.smtputf8
    assert parse_address("jürgen@example.com").smtputf8


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "anna",
        "anna@",
        "@example.com",
        "anna@@example.com",
        "Anna <anna@example.com>",
        "anna@example.com, bert@example.com",
        "anna@example.com;bert@example.com",
        "an na@example.com",
        "anna@exam ple.com",
        "anna\r\nBcc: x@example.com",
        "anna\x00@example.com",
        "anna@localhost",
        "anna@[192.0.2.1]",
        "x" * 1_000_000 + "@example.com",
        "a@" + "x" * 64 + ".com",
        "<script>@example.com",
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(typed):
    with pytest.raises(AddressError) as refused:
        parse_address(typed)
    assert refused.value.reason
    assert str(refused.value)


LOCAL = st.text(alphabet="abcXYZ019._+-'!ü ", min_size=1, max_size=12)
DOMAIN = st.lists(st.text(alphabet="abZ0-ü", min_size=1, max_size=6), min_size=1, max_size=3)


@given(LOCAL, DOMAIN)
def test_it_agrees_with_email_validator(local, labels):
    typed = f"{local}@{'.'.join(labels)}.com"
    try:
        theirs = validate_email(typed.strip(" "), check_deliverability=False)
    except EmailNotValidError:
        with pytest.raises(AddressError):
            parse_address(typed)
    else:
        ours = parse_address(typed)
        assert ours.domain == theirs.ascii_domain.lower()
        assert ours.display == theirs.normalized


def test_a_fingerprint_depends_on_the_key():
    assert fingerprint(b"a", "x@example.com") != fingerprint(b"b", "x@example.com")
    assert len(fingerprint(b"a", "x@example.com")) == 32


def test_t23_hints_are_given_and_nothing_is_corrected():
    assert typo_hint("gmial.com") == "gmail.com"
    assert typo_hint("gmail.com") is None
    assert parse_address("anna@gmial.com").domain == "gmial.com"
    assert is_role(parse_address("Info@example.com"))
    assert not is_role(parse_address("anna@example.com"))


def test_a_mask_tells_the_owner_and_nobody_else():
    assert mask("anna.muster@example.co.uk") == "a…@e….uk"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("Hans Meier <hans@example.org>", "without a name and brackets"),
        ("a@example.org, b@example.org", "Only one e-mail address"),
        ("hans@@example.org", "Only one e-mail address"),
        ("hans meier@example.org", "no space in it"),
        ("hans@exa_mple", "no valid domain"),
        ("hans..meier@exa_mple", "no valid domain"),
        ("hans..meier@example.org", "no valid name of a mailbox"),
        ("hans@", "no valid domain"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_that_can_be_translated(typed, told):
    with pytest.raises(AddressError, match=told):
        parse_address(typed)
