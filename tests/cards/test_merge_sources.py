"""A code on a card and what is printed beside it are one card, and neither hides the other."""

from __future__ import annotations

import pytest

from listmgr.cards.parsing.build_card import NO_ADDRESS
from listmgr.cards.parsing.detect_format import parse_text
from listmgr.cards.parsing.merge_sources import combined
from listmgr.cards.parsing.parsed_card import (
    CardEmail,
    CardFields,
    CardPhone,
    Guess,
    Kind,
    ParsedCard,
)


def printed(name="", email="", phone="", **more) -> ParsedCard:
    return ParsedCard(
        CardFields(
            full_name=Guess(name, 0.8),
            emails=(CardEmail(email, True, "", 0.8),) if email else (),
            phones=(CardPhone(phone, "work", 0.8),) if phone else (),
            **{key: Guess(value, 0.8) for key, value in more.items()},
        ),
        () if email else (NO_ADDRESS,),
    )


def code(text) -> list[ParsedCard]:
    return list(parse_text(text).cards)


ANNA = (
    "BEGIN:VCARD\nVERSION:3.0\nFN:Anna Müller\nTEL:+49 30 1234567\nEMAIL:a.mueller@x.de\nEND:VCARD"
)


@pytest.mark.parametrize(
    "text",
    [
        "mailto:anna.mueller@x.de",
        "MAILTO:anna.mueller@x.de?subject=Messe&body=Hallo",
        "mailto:anna.mueller%40x.de".replace("%40", "@"),
        "MATMSG:TO:anna.mueller@x.de;SUB:Messe;BODY:Guten Tag;;",
        "matmsg:to:anna.mueller@x.de;;",
        "SMTP:anna.mueller@x.de:Messe:Guten Tag",
    ],
)
def test_a_code_to_mail_to_says_an_address_and_no_more(text):
    result = parse_text(text)
    assert result.kind is Kind.MAIL_CODE
    (card,) = result.cards
    assert [email.address for email in card.fields.emails] == ["anna.mueller@x.de"]
    assert not card.fields.note
    assert not card.fields.full_name


def test_a_signature_that_begins_with_a_mailto_is_a_signature():
    (card,) = parse_text("mailto:anna@x.de\nAnna Müller\nTel. 030 1234567").cards
    assert card.fields.full_name.value == "Anna Müller"


def test_what_only_is_printed_is_added_to_the_code():
    read = printed("Anna Müller", "", "030 7654321", organisation="X GmbH", title="Leitung")
    (card,) = combined(code(ANNA), [read])
    assert card.fields.full_name == Guess("Anna Müller", 1.0, "Anna Müller")
    assert card.fields.organisation.value == "X GmbH"
    assert card.fields.title.value == "Leitung"
    assert [phone.number for phone in card.fields.phones] == ["+49 30 1234567", "030 7654321"]
    assert [email.address for email in card.fields.emails] == ["a.mueller@x.de"]
    assert card.problems == ()


def test_what_both_say_is_said_once_and_as_the_code_says_it():
    read = printed("Anna Muller", "a.rnueller@x.de", "(030) 1234567")
    (card,) = combined(code(ANNA), [read])
    assert [email.address for email in card.fields.emails] == ["a.mueller@x.de"]
    assert [phone.number for phone in card.fields.phones] == ["+49 30 1234567"]
    assert card.fields.full_name.value == "Anna Müller"


def test_a_code_to_mail_to_gets_the_name_of_its_card():
    read = printed("Anna Müller", "anna.mueIler@x.de", organisation="X GmbH")
    (card,) = combined(code("mailto:anna.mueller@x.de"), [read])
    assert card.fields.email.address == "anna.mueller@x.de"
    assert card.fields.email.confidence == 1.0
    assert card.fields.full_name.value == "Anna Müller"
    assert card.fields.organisation.value == "X GmbH"


def test_a_code_without_an_address_gets_the_printed_one():
    coded = code("BEGIN:VCARD\nVERSION:3.0\nFN:Anna Müller\nTEL:+49 30 1234567\nEND:VCARD")
    (card,) = combined(coded, [printed("Anna Müller", "a.mueller@x.de")])
    assert card.fields.email.address == "a.mueller@x.de"
    assert card.fields.email.preferred
    assert card.problems == ()


def test_another_person_is_another_card():
    cards = combined(code(ANNA), [printed("Bernd Beispiel", "bernd@y.de")])
    assert [card.fields.email.address for card in cards] == ["a.mueller@x.de", "bernd@y.de"]


def test_of_two_printed_cards_the_code_joins_its_own():
    bernd = printed("Bernd Beispiel", "bernd@y.de", title="Einkauf")
    cards = combined(code(ANNA), [bernd, printed("Anna Müller", title="CEO")])
    assert [card.fields.title.value for card in cards] == ["CEO", "Einkauf"]


def test_print_without_address_and_number_is_no_card_of_its_own():
    assert len(combined(code(ANNA), [printed("Bernd Beispiel"), printed("Eva Muster")])) == 1
    assert combined([], [printed("Bernd Beispiel")]) == ()


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Tel. 030 12345-0 Durchwahl 55", "030 12345-0 ext. 55"),
        ("Tel. +49 30 12345-0, DW 55", "+49 30 12345-0 ext. 55"),
        ("+1 (555) 123-4567 ext. 89", "+1 (555) 123-4567 ext. 89"),
        ("+1 555-123-4567 x89", "+1 555-123-4567 ext. 89"),
        ("Phone: 555-123-4567 Extension 1234", "555-123-4567 ext. 1234"),
        ("Tél. 01 23 45 67 89 poste 12", "01 23 45 67 89 ext. 12"),
        ("Tel. +48 22 123 45 67 wew. 101", "+48 22 123 45 67 ext. 101"),
    ],
)
def test_an_extension_belongs_to_its_number(line, number):
    (card,) = parse_text(f"Anna Müller\n{line}\nFax 030 7777777\nanna.mueller@x.de").cards
    assert [phone.number for phone in card.fields.phones] == [number, "030 7777777"]
    assert card.fields.full_name.value == "Anna Müller"


def test_an_extension_of_a_vcard_is_kept():
    text = (
        "BEGIN:VCARD\nVERSION:4.0\nFN:Anna\nTEL;VALUE=uri:tel:+49-30-1234567;ext=55\n"
        "TEL:030 7654321\nEND:VCARD"
    )
    (card,) = parse_text(text).cards
    numbers = [phone.number for phone in card.fields.phones]
    assert numbers == ["+49-30-1234567 ext. 55", "030 7654321"]
