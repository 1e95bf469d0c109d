"""The shape of a card: which address counts, and the way through a JSONB column and back."""

from __future__ import annotations

import json

from listmgr.cards.parsing.parsed_card import (
    CardEmail,
    CardFields,
    CardPhone,
    Guess,
    as_json,
    from_json,
)

FULL = CardFields(
    full_name=Guess("Anna Müller", 0.9, "Anna Müller"),
    emails=(CardEmail("info@example.org"), CardEmail("anna@example.org", preferred=True)),
    phones=(CardPhone("+49 30 123", "cell"),),
    postal=(Guess("Hauptstraße 12", 0.5, "Hauptstr. 12"),),
)


def test_the_preferred_address_counts_else_the_first():
    assert FULL.email == CardEmail("anna@example.org", preferred=True)
    assert CardFields(emails=(CardEmail("a@b.org"), CardEmail("c@d.org"))).email == CardEmail(
        "a@b.org"
    )
    assert CardFields().email is None


def test_fields_come_back_from_json_as_they_went():
    stored = json.loads(json.dumps(as_json(FULL)))
    assert "organisation" not in stored
    assert from_json(stored) == FULL
    assert from_json({}) == CardFields()


def test_what_is_below_the_threshold_asks_for_a_second_look():
    assert FULL.postal[0].unsure
    assert not FULL.full_name.unsure
    assert not Guess().unsure


def test_a_card_without_anything_to_review_is_empty():
    assert not CardFields(note=Guess("x", 1.0, "x"))
    assert CardFields(organisation=Guess("Acme", 1.0, "Acme"))
