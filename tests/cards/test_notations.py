"""jCard, xCard, MECARD, BIZCARD, MEMORY and leads, and how an upload is recognised."""

from __future__ import annotations

import json

import pytest

from listmgr.cards.parsing import build_card as words
from listmgr.cards.parsing import (
    detect_format,
    jcard,
    leads_csv,
    mecard,
    xcard,
)
from listmgr.cards.parsing.detect_format import (
    is_picture,
    parse_text,
    parse_upload,
)
from listmgr.cards.parsing.limits import (
    MAX_CARDS,
    MAX_CODE,
    MAX_FILE,
)
from listmgr.cards.parsing.parse_result import TOO_MANY_CARDS
from listmgr.cards.parsing.parsed_card import Kind

ANNA = [
    ["version", {}, "text", "4.0"],
    ["fn", {}, "text", "Dr. Anna Müller"],
    ["n", {}, "text", ["Müller", "Anna", ["Maria", "Eva"], "Dr.", ""]],
    ["email", {"type": "work", "pref": "1"}, "text", "anna@example.org"],
    ["email", {"type": ["home"]}, "text", "a@example.com"],
    ["tel", {"type": ["cell", "voice"]}, "uri", "tel:+49-171-2"],
    ["org", {}, "text", ["ABC, Inc.", "Sales"]],
    ["adr", {}, "text", ["", "", ["Hof 3", "Hauptstr. 12"], "Berlin", "", "10115", "Germany"]],
]


def only(text):
    result = parse_text(text)
    assert result.refused == ()
    (card,) = result.cards
    return result.kind, card.fields


def test_jcard():
    kind, card = only(json.dumps(["vcard", ANNA]))
    assert kind is Kind.JCARD
    assert (card.prefix.value, card.first_name.value, card.last_name.value) == (
        "Dr.",
        "Anna Maria Eva",
        "Müller",
    )
    assert (card.email.address, card.email.label) == ("anna@example.org", "work")
    assert (card.phones[0].number, card.phones[0].label) == ("+49-171-2", "cell")
    assert (card.organisation.value, card.department.value) == ("ABC, Inc.", "Sales")
    assert [line.value for line in card.postal][-2:] == ["10115 Berlin", "Germany"]


def test_many_jcards_and_what_is_none_of_them():
    result = parse_upload("x", json.dumps([["vcard", ANNA], ["x"], 5, ["vcard", []]]).encode())
    assert [part.position for part in result.refused] == [2, 3, 4]
    assert len(result.cards) == 1
    assert [part.reason for part in result.refused] == [
        jcard.NO_JCARD,
        jcard.NO_JCARD,
        words.NOTHING_READ,
    ]


@pytest.mark.parametrize(
    "text", ['["vcard", [', '["vcard", ' + "[" * 100_000, '["vcard",' + "9" * 5_000 + "]"]
)
def test_broken_and_bottomless_json_is_refused(text):
    assert parse_text(text).refused[0].reason == jcard.NO_JSON


def test_strange_jcard_values_do_no_harm():
    odd = [["fn", {}, "text", {"a": 1}], ["fn", [], "text", "x"], ["n"], 7, ["tel", {}, "t", None]]
    _, card = only(json.dumps(["vcard", [*odd, ["email", {}, "text", "a@example.org"]]]))
    assert card.email.address == "a@example.org"


XCARD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- from a directory -->
<vcards xmlns="urn:ietf:params:xml:ns:vcard-4.0"><vcard>
  <fn><text>Anna Müller</text></fn>
  <n><surname>Müller</surname><given>Anna</given><additional/><prefix>Dr.</prefix><suffix/></n>
  <org><text>Acme</text><text>Sales</text></org>
  <group name="item1"><email><parameters><type><text>work</text></type></parameters>
    <text>anna@example.org</text></email></group>
</vcard><vcard><fn><text>Bernd</text></fn></vcard></vcards>"""


def test_xcard():
    result = parse_text(XCARD)
    assert result.kind is Kind.XCARD
    anna = result.cards[0].fields
    assert (anna.first_name.value, anna.last_name.value) == ("Anna", "Müller")
    assert (anna.organisation.value, anna.department.value) == ("Acme", "Sales")
    assert (anna.email.address, anna.email.label) == ("anna@example.org", "work")
    assert result.cards[1].fields.full_name.value == "Bernd"


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]>', xcard.WITH_ENTITIES),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd">', xcard.WITH_ENTITIES),
        ("<unclosed>", xcard.NO_XML),
    ],
)
def test_xcard_with_entities_or_broken_is_refused(inside, reason):
    text = f'{inside}<vcards xmlns="urn:ietf:params:xml:ns:vcard-4.0"></vcards>'
    assert parse_text(text).refused[0].reason == reason


def test_mecard():
    kind, card = only(
        r"MECARD:N:Müller,Anna;TEL:+49301;TEL:+49171;EMAIL:anna@example.org;ORG:ABC\; Inc.;"
        r"ADR:Hauptstr. 12,10115 Berlin;URL:https\://example.org;NOTE:a\,b;SOUND:x;BDAY:19900101;;"
    )
    assert kind is Kind.MECARD
    assert (card.first_name.value, card.last_name.value) == ("Anna", "Müller")
    assert card.full_name.value == "Anna Müller"
    assert [phone.number for phone in card.phones] == ["+49301", "+49171"]
    assert card.organisation.value == "ABC; Inc."
    assert [line.value for line in card.postal] == ["Hauptstr. 12", "10115 Berlin"]
    assert card.urls[0].value == "https://example.org"
    assert card.note.value == "a,b"


def test_mecard_without_a_comma_in_the_name_and_without_its_end():
    _, card = only("mecard:n:Anna Müller;email:anna@example.org")
    assert (card.first_name.value, card.last_name.value) == ("Anna", "Müller")


def test_several_mecards_in_a_file():
    text = "MECARD:N:A;EMAIL:a@example.org;;\nMECARD:BROKEN;;\nMECARD:N:B;EMAIL:b@example.org;;"
    result = parse_upload("scans.txt", text.encode())
    assert [card.fields.email.address for card in result.cards] == [
        "a@example.org",
        "b@example.org",
    ]
    assert result.refused[0].position == 2


def test_bizcard():
    kind, card = only(
        "BIZCARD:N:Sean;X:Owen;T:Engineer;C:Google;A:76 9th Avenue,New York;B:+12125551212;"
        "M:+1212;F:+1213;E:srowen@example.org;;"
    )
    assert kind is Kind.BIZCARD
    assert (card.first_name.value, card.last_name.value) == ("Sean", "Owen")
    assert (card.title.value, card.organisation.value) == ("Engineer", "Google")
    assert [phone.label for phone in card.phones] == ["work", "cell", "fax"]
    assert [line.value for line in card.postal] == ["76 9th Avenue", "New York"]
    assert card.email.address == "srowen@example.org"


def test_memory_of_japanese_phones():
    kind, card = only("MEMORY:Messe\r\nNAME1:山田太郎\r\nMAIL1:taro@example.org\r\nTEL1:+813\r\n")
    assert kind is Kind.MEMORY
    assert card.full_name.value == "山田太郎"
    assert card.email.address == "taro@example.org"
    assert card.note.value == "Messe"


def test_a_code_longer_than_any_code():
    assert parse_text("MECARD:N:" + "a" * MAX_CODE).refused[0].reason == mecard.TOO_LONG


def test_german_leads_with_semicolons_and_questions_of_the_fair():
    text = (
        "Vorname;Name;E-Mail-Adresse;Firma;Funktion;Handy;PLZ;Ort;Interesse\n"
        'Anna;Müller;anna@example.org;"Acme; Söhne";Leiterin;+49171;10115;Berlin;Räder\n'
        ";;;;;;;;\n"
        "Bernd;Beispiel;kaputt;;;;;;\n"
    )
    result = parse_upload("leads.csv", text.encode("cp1252"))
    assert result.kind is Kind.CSV
    anna, bernd = result.cards
    assert (anna.fields.first_name.value, anna.fields.last_name.value) == ("Anna", "Müller")
    assert anna.fields.organisation.value == "Acme; Söhne"
    assert anna.fields.phones[0].label == "cell"
    assert anna.fields.note.value == "Interesse: Räder"
    assert anna.fields.postal[0].value == "10115 Berlin"
    assert words.BAD_ADDRESS in bernd.problems


def test_english_and_french_leads():
    (john,) = parse_upload(
        "a.csv", b"Full Name,Work E-mail,Company\nJohn Doe,j@example.org,X\n"
    ).cards
    assert (john.fields.first_name.value, john.fields.last_name.value) == ("John", "Doe")
    text = "Prénom\tNom\tCourriel\tSociété\nZoé\tDupré\tz@example.org\tSARL Y\n"
    (zoe,) = parse_upload("a", text.encode("utf-16")).cards
    assert (zoe.fields.first_name.value, zoe.fields.last_name.value) == ("Zoé", "Dupré")
    assert zoe.fields.organisation.value == "SARL Y"


def test_t19_our_own_export_comes_back_as_it_was():
    (card,) = parse_upload("a.csv", b"email,name,phone\na@example.org,'=1+1,'+49 30\n").cards
    assert card.fields.full_name.value == "=1+1"
    assert card.fields.phones[0].number == "+49 30"


def test_leads_without_headings_or_with_broken_rows():
    assert parse_upload("a.csv", b"1,2\n3,4\n").refused[0].reason == leads_csv.NO_HEADINGS
    data = b"email,name\na@example.org,A\n" + b'b@example.org,"' + b"x" * 200_000 + b"\n"
    result = parse_upload("a.csv", data)
    assert result.cards[0].fields.email.address == "a@example.org"
    assert leads_csv.BROKEN_ROW in {part.reason for part in result.refused}


def test_leads_stop_at_the_limit():
    data = b"email\n" + b"a@example.org\n" * (MAX_CARDS + 2)
    result = parse_upload("a.csv", data)
    assert len(result.cards) == MAX_CARDS
    assert [part.reason for part in result.refused] == [TOO_MANY_CARDS]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", detect_format.EMPTY),
        (b" \r\n", detect_format.EMPTY),
        (b"%PDF-1.7 ...", detect_format.A_PDF),
        (b"\0\0\0\x18ftypheic....", detect_format.A_HEIC),
        (b"\0\0\0\x18ftypmif1....", detect_format.A_HEIC),
        (b"PK\x03\x04....", detect_format.A_DOCUMENT),
        (b"\x7fELF\0\0\0\1\2\3", detect_format.NOT_KNOWN),
        (b"BEGIN:VCARD\n" + b"x" * MAX_FILE, detect_format.TOO_LARGE),
    ],
)
def test_what_is_no_file_of_cards_is_refused_with_what_to_do(data, reason):
    result = parse_upload("card.vcf", data)
    assert (result.cards, [part.reason for part in result.refused]) == ((), [reason])


@pytest.mark.parametrize(
    "head", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF....WEBP"]
)
def test_pictures_are_recognised_by_their_content(head):
    assert is_picture(head)
    assert parse_upload("card.vcf", head + b"BEGIN:VCARD").kind is Kind.PICTURE


def test_a_vcard_is_recognised_whatever_its_name():
    data = b"\xef\xbb\xbfbegin:vcard\rfn:Anna\rend:vcard\r"
    assert parse_upload("leads.csv", data).kind is Kind.VCARD
    assert parse_text(data.decode()).cards[0].fields.full_name.value == "Anna"
