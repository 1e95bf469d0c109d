"""Pasted signatures in three languages, and what must not be taken for the person."""

from __future__ import annotations

import pytest

from listmgr.cards.parsing import (
    build_card,
    signature,
)
from listmgr.cards.parsing.detect_format import (
    parse_text,
    parse_upload,
)
from listmgr.cards.parsing.parsed_card import (
    UNSURE,
    Kind,
)

GERMAN = """Hallo Herr Schmidt,

anbei der Prospekt, wie am Stand besprochen.

Mit freundlichen Grüßen
i. A. Dr. Anna Müller-Lüdenscheidt
Leiterin Vertrieb Süd

Acme Robotics GmbH & Co. KG
Hauptstraße 12 | 10115 Berlin
Tel.: +49 30 1234-567 | Mobil: 0171 2345678
E-Mail: anna.mueller@acme-robotics.de | www.acme-robotics.de

Geschäftsführer: Bernd Boss, Carla Chef
Amtsgericht Berlin HRB 12345
Diese E-Mail ist vertraulich.
"""
ENGLISH = """Kind regards,

John O'Neill
Senior Sales Manager, EMEA
Widget Systems Ltd
10 Downing Street, London SW1A 2AA, United Kingdom
T +44 20 7946 0958  M +44 7700 900123
john.oneill@widgetsystems.co.uk

On Mon, 3 Mar 2025, Anna wrote:
> Eva Extra
> eva@example.org
"""
FRENCH = """Cordialement,
Zoé DUPRÉ
Responsable marketing
Atelier Lumière SARL
12 bis, rue de la République - 69002 LYON
Tél. : 04 72 00 00 00 / Port. : 06 12 34 56 78
zoe.dupre@atelier-lumiere.fr"""


def fields(text):
    result = parse_text(text)
    assert (result.kind, result.refused) == (Kind.SIGNATURE, ())
    return result.cards[0].fields


def test_a_german_signature():
    card = fields(GERMAN)
    assert (card.prefix.value, card.first_name.value) == ("Dr.", "Anna")
    assert card.last_name.value == "Müller-Lüdenscheidt"
    assert card.organisation.value == "Acme Robotics GmbH & Co. KG"
    assert card.title.value == "Leiterin Vertrieb Süd"
    assert card.email.address == "anna.mueller@acme-robotics.de"
    assert [(phone.number, phone.label) for phone in card.phones] == [
        ("+49 30 1234-567", "work"),
        ("0171 2345678", "cell"),
    ]
    assert [line.value for line in card.postal] == ["Hauptstraße 12", "10115 Berlin"]
    assert card.urls[0].value == "www.acme-robotics.de"
    assert card.language.value == "de"


def test_an_english_signature_without_the_mail_it_answers():
    card = fields(ENGLISH)
    assert (card.first_name.value, card.last_name.value) == ("John", "O'Neill")
    assert card.organisation.value == "Widget Systems Ltd"
    assert card.title.value == "Senior Sales Manager, EMEA"
    assert [email.address for email in card.emails] == ["john.oneill@widgetsystems.co.uk"]
    assert [phone.label for phone in card.phones] == ["work", "cell"]
    assert card.postal[1].value == "London SW1A 2AA"
    assert card.language.value == "en"


def test_a_french_signature():
    card = fields(FRENCH)
    assert (card.first_name.value, card.last_name.value) == ("Zoé", "DUPRÉ")
    assert card.organisation.value == "Atelier Lumière SARL"
    assert card.title.value == "Responsable marketing"
    assert [line.value for line in card.postal] == ["12 bis, rue de la République", "69002 LYON"]
    assert card.phones[1].label == "cell"
    assert card.language.value == "fr"


def test_the_managing_directors_of_the_small_print_are_nobody():
    assert "Boss" not in str(fields(GERMAN))
    assert "Extra" not in str(fields(ENGLISH))


def test_the_persons_own_address_is_preferred_to_the_companys():
    card = fields("Eva Beispiel\ninfo@example.org\neva.beispiel@example.org\n")
    assert card.email.address == "eva.beispiel@example.org"
    assert len(card.emails) == 2


def test_what_is_guessed_from_the_address_alone_is_unsure():
    card = fields("eva.beispiel@acme-robotics.example")
    assert (card.full_name.value, card.organisation.value) == ("Eva Beispiel", "Acme Robotics")
    assert card.full_name.confidence < UNSURE
    assert card.organisation.confidence < UNSURE
    assert fields("info@acme-robotics.co.uk").organisation.value == "Acme Robotics"
    assert fields("info@gmail.com").organisation.value == ""


def test_addresses_written_against_robots():
    assert fields("Eva Beispiel\neva (at) example.org").email.address == "eva@example.org"


def test_a_sentence_before_an_address_is_not_part_of_it():
    assert fields("Write to me. eva@example.org").email.address == "eva@example.org"


def test_a_link_with_a_script_is_no_place_of_the_web():
    card = fields("Eva\neva@example.org\njavascript:alert(1)\nhttps://example.org/eva")
    assert [url.value for url in card.urls] == ["https://example.org/eva"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Guten Tag, wie geht es Ihnen?", build_card.NOTHING_READ),
        ("x" * 30_000, signature.TOO_LONG),
    ],
)
def test_what_is_no_signature_is_refused(text, reason):
    assert parse_upload("a.txt", text.encode()).refused[0].reason == reason


def test_without_an_address_the_number_is_kept_and_the_lack_told():
    result = parse_text("Eva Beispiel\nTel. +49 30 1234567")
    assert result.cards[0].problems == (build_card.NO_ADDRESS,)
    assert result.cards[0].fields.full_name.value == "Eva Beispiel"


@pytest.mark.parametrize("char", ["a", "1 ", "a.", "straße ", "@", "+4", "(", " - ", "Leiter "])
def test_long_lines_of_one_thing_are_read_in_no_time(char):
    assert parse_text("a@example.org\n" + (char * 300 + "\n") * 30).kind is Kind.SIGNATURE
