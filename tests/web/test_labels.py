"""Values are called what their reader calls them."""

from __future__ import annotations

import pytest

from listmgr.cards.models import CardSource, ReplyStatus
from listmgr.cards.stages import Stage
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.models import ConsentSource, ServiceMailKind
from listmgr.delivery.models import DeliveryStatus
from listmgr.imports.models import ImportStatus
from listmgr.imports.row_outcomes import (
    Meaning,
    RowOutcome,
)
from listmgr.operators.roles import Right, Role
from listmgr.segments.rules import OPERATORS
from listmgr.subscribers.field_catalogue import (
    FieldCategory,
    FieldKind,
    LegalBasis,
)
from listmgr.web import field_labels
from listmgr.web.labels import named
from listmgr.web.language import speak
from listmgr.web.studio import filters
from listmgr.web.studio.cards import labels
from listmgr.web.studio.imports import labels as imports_labels
from listmgr.web.studio.segments import labels as segments_labels
from listmgr.web.studio.subscribers import evidence_values

EVERY = [
    (field_labels.kind_name, FieldKind),
    (field_labels.category_name, FieldCategory),
    (field_labels.basis_name, LegalBasis),
    (labels.card_stage, Stage),
    (labels.card_source, CardSource),
    (labels.letter_status, ReplyStatus),
    (imports_labels.verdict_name, RowOutcome),
    (imports_labels.import_state, ImportStatus),
    (imports_labels.meaning_name, Meaning),
    (filters.station, ConsentStatus),
    (filters.source_name, ConsentSource),
    (filters.role_name, Role),
    (filters.right_name, Right),
    (filters.act, ConsentAction),
    (filters.method, Method),
    (filters.delivered, DeliveryStatus),
    (evidence_values.mail_kind, ServiceMailKind),
    (segments_labels.operator_words, {op for found in OPERATORS.values() for op in found}),
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
