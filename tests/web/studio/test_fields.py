"""Pages of the field catalogue and of the record of processing."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

import sqlalchemy as sa

from listmgr.kit.db import Base
from listmgr.operators.models import AuditEntry
from listmgr.subscribers.field_models import Field, FieldCategory
from tests.conftest import NOW
from tests.factories import (
    FIELD,
    make_field,
    make_subscriber,
)

TOLD = asdict(FIELD) | {"roles": ["service", "marketer"]}


def test_a_field_is_made_changed_archived_brought_back_and_deleted(admin, session):
    assert "No fields of your own" in admin.get("/studio/fields").text
    assert admin.post("/studio/fields/new", TOLD).location == "/studio/fields/1"
    page = admin.get("/studio/fields/1").text
    for told in (
        "To invite to what happens near by.",
        "24 months",
        "{{ city }}",
        "Article 6(1)(a)",
    ):
        assert told in page
    changed = TOLD | {"label_en": "Place <b>", "key": "other", "retention_months": "1"}
    assert admin.post("/studio/fields/1/edit", changed).status_code == 303
    assert "Place &lt;b&gt;" in admin.get("/studio/fields").text
    assert session.get_one(Field, 1).key == "city"
    admin.post("/studio/fields/1/archive")
    assert "/studio/fields/1/restore" in admin.get("/studio/fields/1").text
    admin.post("/studio/fields/1/restore")
    admin.post("/studio/fields/1/delete")
    session.expire_all()
    assert session.scalars(sa.select(Field)).all() == []
    actions = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [one for one in actions if one.startswith("field.")] == [
        f"field.{deed}" for deed in ("created", "edited", "archived", "restored", "deleted")
    ]


def test_l34_what_lacks_is_asked_for_and_nothing_typed_is_lost(admin, session):
    told = {"key": "city", "label_de": "Ort", "choices": "a\r\nb <i>", "kind": "choice"}
    answer = admin.post("/studio/fields/new", told)
    assert answer.status_code == 422
    for said in ("Write why you collect it", "Choose the legal basis", "after how many months"):
        assert said in answer.text
    assert 'value="Ort"' in answer.text
    assert "b &lt;i&gt;</textarea>" in answer.text
    assert session.scalars(sa.select(Field)).all() == []


def test_a_field_with_values_is_not_deleted(admin, uow):
    with uow() as tx:
        make_field(tx)
        make_subscriber(tx, "anna@example.com", NOW).attributes = {"city": "Köln"}
    admin.post("/studio/fields/1/delete")
    assert "Archive it instead" in admin.get("/studio/fields/1").text


def test_special_data_need_an_administrators_reason(desk, admin, session):
    told = TOLD | {"category": "special", "special_reason": "Art. 9(2)(a)"}
    answer = desk("privacy").post("/studio/fields/new", told)
    assert answer.status_code == 422
    assert "unless an administrator" in answer.text
    assert admin.post("/studio/fields/new", told).status_code == 303
    assert session.get_one(Field, 1).category is FieldCategory.SPECIAL
    assert "Art. 9(2)(a)" in admin.get("/studio/fields/1").text


def test_l37_a_role_sees_its_own_fields_and_those_who_decide_see_all(desk, uow):
    with uow() as tx:
        make_field(tx, roles=["service"])
    for role, sees in (("service", True), ("marketer", False), ("privacy", True)):
        at = desk(role)
        assert ("Town" in at.get("/studio/fields").text) is sees
        assert at.get("/studio/fields/1").status_code == (200 if sees else 404)


def test_l34_the_record_lists_every_personal_column_and_every_field(admin, uow):
    with uow() as tx:
        make_field(tx)
        make_field(tx, key="shoe", label_en="=cmd()", retention_months="7")
    rows = list(csv.DictReader(io.StringIO(admin.get("/studio/record.csv").text.lstrip("\ufeff"))))
    told = {row["Where"]: row for row in rows}
    personal = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.info["personal"]
    }
    assert personal <= set(told)
    assert {"subscribers.attributes.city", "subscribers.attributes.shoe"} <= set(told)
    for row in rows:
        for name in ("Persons", "Purpose", "Legal basis", "Category", "Kept"):
            assert row[name].strip(), row
    assert told["subscribers.attributes.shoe"]["Kept"].startswith("7 months")
    assert told["subscribers.attributes.shoe"]["Data"] == "'=cmd()"
    page = admin.get("/studio/record").text
    for source in told:
        assert source in page


def test_the_record_speaks_german_and_names_the_controller(desk, uow, sample):
    page = desk("privacy", "de").get("/studio/record").text
    assert "Müller &amp; Töchter GmbH" in page
    assert "Um nachzuweisen, wann, wie" in page
    assert "24 Monate nach dem Ende" in page


FORM = {"title_de": "Neu", "title_en": "New", "purposes": "1"}


def test_a_form_is_built_of_fields_in_an_order(admin, sample, uow, anybody):
    with uow() as tx:
        make_field(tx, key="shoe", label_en="Shoe size", kind="number")
    asks = {"ask.shoe": "required", "place.shoe": "1", "ask.city": "optional", "place.city": "2"}
    unplaced = {"ask.company": "optional", "ask.first_name": "", "place.first_name": "3"}
    assert admin.post("/studio/forms/1/edit", FORM | asks | unplaced).status_code == 303
    page = anybody.get("/s/mail?lang=en").text
    assert page.index("Shoe size") < page.index("Town") < page.index("Company")
    assert 'name="first_name"' not in page
    edit = admin.get("/studio/forms/1/edit").text
    assert '<option value="required" selected>' in edit
    assert edit.index("ask-shoe") < edit.index("ask-city") < edit.index("ask-company")
    assert edit.index("ask-company") < edit.index("ask-first_name")


def test_a_form_asks_for_no_special_data_and_a_wrong_choice_loses_nothing(
    admin, sample, uow, session
):
    with uow() as tx:
        make_field(tx, key="diet", category="special", special_reason="Art. 9(2)(a)")
    assert "diet" not in admin.get("/studio/forms/1/edit").text
    answer = admin.post("/studio/forms/1/edit", FORM | {"title_de": "", "ask.city": "required"})
    assert answer.status_code == 422
    assert '<option value="required" selected>' in answer.text
    for key in ("diet", "email", "unknown"):
        answer = admin.post("/studio/forms/1/edit", FORM | {f"ask.{key}": "optional"})
        assert answer.status_code == 422
        assert "is no longer available" in answer.text


def test_the_page_of_a_form_tells_what_it_asks(admin, sample):
    admin.post("/studio/forms/1/edit", FORM | {"ask.city": "required"})
    assert "Town" in admin.get("/studio/forms/1").text
    assert "/studio/forms/1" in admin.get(f"/studio/fields/{sample['field_id']}").text
