"""Whose cards a vCard file holds: several in one, agents, groups, names and addresses."""

from __future__ import annotations

import pytest

from listmgr.cards.parsing import build_card as words
from listmgr.cards.parsing import vcard
from listmgr.cards.parsing.vcard import parse_vcards
from tests.cards.vcards import addresses, fields, read


def test_several_cards_and_blanks_after_begin():
    one = "BEGIN:VCARD  \nVERSION:3.0\nFN:{}\nEND : VCARD\t\n"
    result = parse_vcards("".join(one.format(name) for name in "ABC").encode())
    assert [card.fields.full_name.value for card in result.cards] == ["A", "B", "C"]


@pytest.mark.parametrize("opening", ["AGENT:\nBEGIN:VCARD", "AGENT:BEGIN:VCARD"])
def test_the_card_of_an_agent_is_not_the_card_of_the_person(opening):
    data = (
        f"BEGIN:VCARD\nVERSION:2.1\nFN:Anna\n{opening}\nVERSION:2.1\nFN:Bernd\n"
        "EMAIL:b@example.org\nEND:VCARD\nEMAIL:a@example.org\nEND:VCARD\n"
        "BEGIN:VCARD\nFN:Clara\nEND:VCARD\n"
    )
    result = parse_vcards(data.encode())
    assert [card.fields.full_name.value for card in result.cards] == ["Anna", "Clara"]
    assert [email.address for email in result.cards[0].fields.emails] == ["a@example.org"]


def test_a_missing_end_costs_no_other_card():
    data = b"BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\nBEGIN:VCARD\nFN:C"
    result = parse_vcards(data)
    assert [card.fields.full_name.value for card in result.cards] == ["A", "B", "C"]
    assert vcard.NO_END in result.cards[0].problems
    assert vcard.NO_END not in result.cards[1].problems
    assert vcard.NO_END in result.cards[2].problems


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends(end):
    assert fields("FN:Anna", "NOTE:a", " b", "EMAIL:a@example.org", end=end).note.value == "ab"


def test_an_empty_n_with_fn_and_an_empty_fn_with_n():
    card = fields("N:;;;;", "FN:Dr. Anna von der Heide")
    assert (card.prefix.value, card.first_name.value, card.last_name.value) == (
        "Dr.",
        "Anna",
        "von der Heide",
    )
    assert card.last_name.confidence < 1
    card = fields("N:Müller;Anna;Maria;Prof.;MBA", "FN:")
    assert card.full_name.value == "Prof. Anna Maria Müller MBA"
    assert card.first_name.value == "Anna Maria"


def test_names_in_unclear_order_are_pointed_out():
    result = read("N:Anna;Müller", "FN:Anna Müller")
    assert words.NAMES_UNCLEAR in result.cards[0].problems
    assert result.cards[0].fields.last_name.unsure


def test_a_whole_name_in_the_family_name_is_split():
    card = fields("N:Anna Müller;;;;")
    assert (card.first_name.value, card.last_name.value) == ("Anna", "Müller")


@pytest.mark.parametrize("line", ["KIND:group", "X-ADDRESSBOOKSERVER-KIND:group"])
def test_a_group_of_people_is_no_card(line):
    result = read("FN:Team", line, "MEMBER:urn:uuid:1", version="4.0")
    assert result.cards == ()
    assert result.refused[0].reason == vcard.A_GROUP


@pytest.mark.parametrize(
    "typed",
    [
        "mailto:anna@example.org",
        "MAILTO:anna@example.org?subject=x",
        "Anna Müller <anna@example.org>",
        '"Müller, Anna" <anna@example.org>',
        " anna@example.org ; ",
        "anna@example.org,",
        "anna(at)example.org",
        "anna [at] example (dot) org",
    ],
)
def test_dressed_up_addresses(typed):
    assert addresses("FN:A", f"EMAIL:{typed}") == ["anna@example.org"]


def test_international_domains_and_several_in_one_field():
    assert addresses("FN:A", "EMAIL:anna@müller.de", "EMAIL:b@xn--mller-kva.de") == [
        "anna@müller.de",
        "b@müller.de",
    ]
    assert addresses("FN:A", "EMAIL:a@example.org; b@example.org") == [
        "a@example.org",
        "b@example.org",
    ]


def test_x400_is_no_address_for_mail():
    assert addresses("FN:A", "EMAIL;TYPE=X400:c=de;a=x;s=mueller") == []


def test_an_invalid_address_is_pointed_out_and_kept_in_the_note():
    result = read("FN:A", "EMAIL:anna@@example", "EMAIL:b@example.org")
    (card,) = result.cards
    assert words.BAD_ADDRESS in card.problems
    assert "anna@@example" in card.fields.note.value
    assert card.fields.email.address == "b@example.org"


def test_a_card_without_an_address_says_so():
    assert words.NO_ADDRESS in read("FN:A").cards[0].problems
