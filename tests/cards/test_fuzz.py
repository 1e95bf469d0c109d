"""Whatever is uploaded: an answer, never an exception; no field that could harm a header."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from listmgr.cards.parsing.detect_format import (
    parse_text,
    parse_upload,
)
from listmgr.cards.parsing.parsed_card import (
    as_json,
    from_json,
)

PIECES = (
    "BEGIN:VCARD|END:VCARD|VERSION:2.1|VERSION:4.0|AGENT:|N:a;b|FN:|EMAIL|item1.|TEL;PREF=|LABEL="
    '|;ENCODING=QUOTED-PRINTABLE:|=C3=|=|=0D=0A|\\|\\,|;|:|,|"|^n|\r\n|\n|\r| |\t|CHARSET=|utf-7'
    '|PHOTO:|@|.|MECARD:|BIZCARD:|MEMORY:|;;|["vcard",[|[]|email,name\n|<|\x00|a@example.org'
    "|\u2028|\u202e|\ud800|Ã¼|X-ABLABEL:|KIND:group|GmbH|Tel.|+49|10115 Berlin|Dr.|www.|--"
    "|Mit freundlichen Grüßen|Hauptstraße 12|Geschäftsführer|\n> |(at)"
)
WORDS = st.sampled_from(PIECES.split("|"))
TEXTS = st.lists(WORDS | st.text(max_size=8), max_size=60).map("".join)


def harmless(result):
    for card in result.cards:
        stored = as_json(card.fields)
        assert from_json(stored) == card.fields
        for key, value in stored.items():
            if key != "note":
                assert_one_line(value)


def assert_one_line(value):
    if isinstance(value, str):
        assert all(unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"} for char in value)
    elif isinstance(value, dict):
        assert_one_line(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            assert_one_line(one)


@settings(max_examples=150)
@given(TEXTS)
def test_any_text_gets_an_answer(text):
    harmless(parse_text(text))
    harmless(parse_upload("x.vcf", text.encode("utf-8", "surrogatepass")))


@settings(max_examples=80)
@given(TEXTS, st.binary(max_size=40), st.sampled_from(["utf-8", "utf-16-le", "cp1252"]))
def test_any_octets_in_a_card_get_an_answer(text, octets, encoding):
    head = "BEGIN:VCARD\r\nFN:A\r\nNOTE:".encode(encoding)
    harmless(parse_upload("x.csv", head + text.encode(encoding, "replace") + octets))
