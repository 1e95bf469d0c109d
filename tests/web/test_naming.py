"""Values are called what their reader calls them."""

from __future__ import annotations

import pytest

from listmgr.cards.models import CardSource, LetterStatus
from listmgr.cards.stages import Stage
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import ConsentSource, QuestionKind
from listmgr.delivery.models import DeliveryStatus
from listmgr.imports.models import ImportStatus
from listmgr.imports.verdicts import Meaning, Verdict
from listmgr.operators.roles import Right, Role
from listmgr.segments.rules import OPERATORS
from listmgr.subscribers.fields import FieldCategory, FieldKind, LegalBasis
from listmgr.web import field_words
from listmgr.web.language import speak
from listmgr.web.naming import named
from listmgr.web.studio import card_words, fact_values, import_words, rule_words, show

EVERY = [
    (field_words.kind_name, FieldKind),
    (field_words.category_name, FieldCategory),
    (field_words.basis_name, LegalBasis),
    (card_words.card_stage, Stage),
    (card_words.card_source, CardSource),
    (card_words.letter_status, LetterStatus),
    (import_words.verdict_name, Verdict),
    (import_words.import_state, ImportStatus),
    (import_words.meaning_name, Meaning),
    (show.station, ConsentStatus),
    (show.source_name, ConsentSource),
    (show.role_name, Role),
    (show.right_name, Right),
    (show.act, ConsentAction),
    (show.delivered, DeliveryStatus),
    (fact_values.mail_kind, QuestionKind),
    (rule_words.operator_words, {op for found in OPERATORS.values() for op in found}),
]


@pytest.mark.parametrize(("name", "values"), EVERY)
def test_every_member_has_a_word_of_its_own_in_german(app, name, values):
    with app.test_request_context("/?lang=de"):
        speak("de")
        said = {str(value): name(value) for value in values}
    assert len(said) > 1
    assert [value for value, word in said.items() if word in {value, ""}] == []


def test_a_value_without_a_word_is_shown_as_it_is(app):
    with app.test_request_context():
        assert named({"a": "Text"})("b") == "b"
