"""vCards that mean harm: line ends in fields, formulas, floods (requirements, section 4.2, 9)."""

from __future__ import annotations

from listmgr.cards.parsing import build_card as words
from listmgr.cards.parsing import vcard
from listmgr.cards.parsing.limits import (
    MAX_CARDS,
    MAX_EMAILS,
    MAX_PARAMETERS,
)
from listmgr.cards.parsing.vcard import parse_vcards
from listmgr.kit.safe_csv import (
    guard,
    unguard,
)
from tests.cards.vcards import addresses, fields, read


def test_t17_no_field_holds_a_line_end_or_a_control_character():
    card = fields(
        r"FN:Anna\nBcc: victim@example.org",
        "ORG;ENCODING=QUOTED-PRINTABLE:Acme=0D=0AX-Header: 1=00=E2=80=A8=C2=85=E2=80=AE",
        "TITLE:Chef\u2028\u202e\u200b",
        r"EMAIL:a@example.org\nb@example.org",
        version="3.0",
    )
    assert card.full_name.value == "Anna Bcc: victim@example.org"
    assert card.organisation.value == "Acme X-Header: 1"
    assert card.title.value == "Chef"
    assert [email.address for email in card.emails] == ["a@example.org", "b@example.org"]


def test_t18_html_and_templates_stay_text():
    card = fields("FN:<script>alert(1)</script>", "ORG:{{ ''.__class__ }}")
    assert card.full_name.value == "<script>alert(1)</script>"
    assert card.organisation.value == "{{ ''.__class__ }}"


def test_t19_formulas_are_kept_as_they_were_and_disarmed_on_the_way_out():
    card = fields("FN:=cmd|' /C calc'!A0", "TEL:+49 30 1")
    assert guard(card.full_name.value).startswith("'=")
    assert unguard(guard(card.phones[0].number)) == "+49 30 1"


def test_a_line_of_ten_megabytes_is_left_out():
    result = read("FN:Anna", "NOTE:" + "x" * 10_000_000, "EMAIL:a@example.org")
    (card,) = result.cards
    assert vcard.TOO_LONG in card.problems
    assert card.fields.email.address == "a@example.org"


def test_a_hundred_thousand_parameters_are_left_out():
    result = read("FN:A", "TEL" + ";X=1" * 100_000 + ":1", "TEL" + ";X" * MAX_PARAMETERS + ":1")
    (card,) = result.cards
    assert card.fields.phones == ()
    assert {vcard.TOO_LONG, vcard.NO_PROPERTY} <= set(card.problems)


def test_a_hundred_thousand_lines_are_not_read():
    result = read("FN:A", *["TEL:1"] * 100_000)
    assert vcard.TOO_MANY_LINES in result.cards[0].problems


def test_a_card_with_ten_thousand_addresses_is_a_list():
    result = read("FN:A", *(f"EMAIL:a{number}@example.org" for number in range(10_000)))
    assert result.cards == ()
    assert result.refused[0].reason == words.A_LIST
    assert (
        len(addresses("FN:A", *(f"EMAIL:a{n}@example.org" for n in range(MAX_EMAILS))))
        == MAX_EMAILS
    )
    together = ";".join(f"a{number}@example.org" for number in range(30))
    assert read("FN:A", f"EMAIL:{together}").refused[0].reason == words.A_LIST


def test_more_cards_than_an_upload_may_hold():
    card = b"BEGIN:VCARD\nFN:A\nEND:VCARD\n"
    result = parse_vcards(card * (MAX_CARDS + 5))
    assert len(result.cards) == MAX_CARDS
    assert len(result.refused) == 1


def test_an_empty_card_is_refused_with_its_place():
    result = parse_vcards(b"BEGIN:VCARD\nEND:VCARD\nBEGIN:VCARD\nFN:A\nEND:VCARD\n")
    assert (result.refused[0].position, result.refused[0].reason) == (1, words.NOTHING_READ)
    assert len(result.cards) == 1
