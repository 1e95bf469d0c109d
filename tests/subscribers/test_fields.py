"""The field catalogue: no field without its reasons, values in one spelling, SQL that agrees."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.operators.models import Role
from listmgr.subscribers.custom_fields import (
    archive_field,
    create_field,
    delete_field,
    edit_field,
    restore_field,
)
from listmgr.subscribers.field_assignment import (
    set_values,
    value_of,
)
from listmgr.subscribers.field_catalogue import (
    CORE_FIELDS,
    FieldCategory,
    FieldKind,
    catalogue,
    field_by_key,
    visible_fields,
)
from listmgr.subscribers.field_models import Field
from listmgr.subscribers.field_values import parse_value, show_value
from tests.conftest import NOW
from tests.factories import (
    FIELD,
    make_field,
    make_subscriber,
)

ADMIN = Role.ADMINISTRATOR


def wrong(call, *arguments, **named) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        call(*arguments, **named)
    return caught.value.fields


@pytest.mark.parametrize("lacking", ["purpose", "basis", "retention_months", "category", "kind"])
def test_l34_a_field_without_its_reason_cannot_be_made(uow, lacking):
    with uow() as tx:
        told = replace(FIELD, **{lacking: ""})
        assert set(wrong(create_field, tx, told, roles=["marketer"], by=ADMIN, at=NOW)) == {lacking}
        assert tx.session.scalars(sa.select(Field)).all() == []


def test_l34_a_field_nobody_may_see_cannot_be_made(uow):
    with uow() as tx:
        for roles in ([], ["king"]):
            assert "roles" in wrong(create_field, tx, FIELD, roles=roles, by=ADMIN, at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        "purpose = ''",
        "retention_months = 0",
        "roles = '{}'",
        "category = 'special'",
        "key = 'a''b'",
        "label_de = ''",
        "choices = '{a}'",
    ],
)
def test_l34_the_database_holds_the_same_rule(uow, change):
    with uow() as tx:
        make_field(tx)
    with pytest.raises(sa.exc.IntegrityError), uow() as tx:
        tx.session.execute(sa.text(f"UPDATE fields SET {change}"))


def test_special_categories_open_only_to_an_administrator_who_says_why(uow):
    told = replace(FIELD, key="diet", category="special", special_reason="Art. 9(2)(a): they ask.")
    with uow() as tx:
        at = {"roles": ["service"], "at": NOW}
        assert "category" in wrong(create_field, tx, told, by=Role.PRIVACY, **at)
        silent = replace(told, special_reason=" ")
        assert "special_reason" in wrong(create_field, tx, silent, by=ADMIN, **at)
        made = create_field(tx, told, by=ADMIN, **at)
        assert made.category is FieldCategory.SPECIAL
        # The privacy officer may put its words right, and not the reason.
        edited = replace(told, label_en="Food", special_reason="Because.")
        edit_field(tx, made.id, edited, roles=["service"], by=Role.PRIVACY)
        assert made.label_en == "Food"
        assert made.special_reason == "Art. 9(2)(a): they ask."


@pytest.mark.parametrize("key", ["", "City", "1a", "a-b", "a" * 41, "a\nb", "email", "if", "tags"])
def test_a_key_is_one_plain_word_of_its_own(uow, key):
    with uow() as tx:
        told = replace(FIELD, key=key)
        assert "key" in wrong(create_field, tx, told, roles=["sales"], by=ADMIN, at=NOW)


def test_a_key_is_never_used_twice_not_even_after_archiving(uow):
    with uow() as tx:
        archive_field(tx, make_field(tx).id, at=NOW)
        assert "key" in wrong(create_field, tx, FIELD, roles=["sales"], by=ADMIN, at=NOW)


def test_the_kind_stays_once_somebody_has_a_value(uow):
    with uow() as tx:
        made = make_field(tx)
        number = replace(FIELD, kind="number")
        edit_field(tx, made.id, number, roles=["sales"], by=ADMIN)
        anna = make_subscriber(tx, "anna@example.com", NOW)
        set_values(tx.session, anna, {"city": "12"})
        tx.session.flush()
        assert "kind" in wrong(edit_field, tx, made.id, FIELD, roles=["sales"], by=ADMIN)
        with pytest.raises(Refused):
            delete_field(tx, made.id)
        set_values(tx.session, anna, {"city": ""})
        tx.session.flush()
        assert delete_field(tx, made.id) == "city"


def test_the_catalogue_holds_core_and_live_fields_and_shows_each_role_its_own(uow):
    with uow() as tx:
        make_field(tx, roles=["service"])
        old = make_field(tx, key="old")
        archive_field(tx, old.id, at=NOW)
        keys = [field.key for field in catalogue(tx.session)]
        assert keys == ["email", "first_name", "last_name", "company", "language", "city"]
        assert "city" in [field.key for field in visible_fields(tx.session, Role.SERVICE)]
        assert "city" not in [field.key for field in visible_fields(tx.session, Role.MARKETER)]
        with pytest.raises(NotFound):
            field_by_key(tx.session, "old")
        restore_field(tx, old.id)
        assert field_by_key(tx.session, "old").core is False
        assert field_by_key(tx.session, "city").label("de") == "Ort"
        assert field_by_key(tx.session, "city").label("fr") == "Town"


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("text", "  Köln ", "Köln"),
        ("text", "Ko\u0308ln", "Köln"),
        ("number", "007", "7"),
        ("number", "-12,50", "-12.5"),
        ("number", "-0", "0"),
        ("date", "2026-5-1", "2026-05-01"),
        ("date", "31.12.1999", "1999-12-31"),
        ("yes_no", "Ja", "true"),
        ("yes_no", "off", "false"),
        ("choice", "RED", "red"),
        ("choice", "", ""),
        ("number", "  ", ""),
    ],
)
def test_values_are_kept_in_one_spelling(kind, typed, kept):
    assert parse_value(FieldKind(kind), ("red", "blue"), typed) == kept


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("text", "a\nb"),
        ("text", "a\u2028b"),
        ("text", "\0"),
        ("text", "x" * 301),
        ("number", "1.234,5"),
        ("number", "1e9"),
        ("number", "٣"),
        ("number", "9" * 16),
        ("date", "2026-02-30"),
        ("date", "0999-01-01"),
        ("date", "1/2/26"),
        ("yes_no", "maybe"),
        ("choice", "green"),
    ],
)
def test_what_is_no_value_is_refused_with_a_sentence(kind, typed):
    with pytest.raises(InvalidInput, match=r"\.$"):
        parse_value(FieldKind(kind), ("red", "blue"), typed)


@given(st.sampled_from(list(FieldKind)), st.text(max_size=40))
def test_parsing_what_is_kept_changes_nothing(kind, typed):
    try:
        kept = parse_value(kind, ("red", "İ", "ß"), typed)
    except InvalidInput:
        return
    assert parse_value(kind, ("red", "İ", "ß"), kept) == kept


def test_values_are_shown_as_each_language_writes_them():
    assert show_value(FieldKind.DATE, "2026-05-01", "de") == "01.05.2026"
    assert show_value(FieldKind.DATE, "2026-05-01", "en") == "1 May 2026"
    assert show_value(FieldKind.NUMBER, "12.5", "de") == "12,5"
    assert show_value(FieldKind.NUMBER, "12.5", "en") == "12.5"
    assert show_value(FieldKind.YES_NO, "true", "de") == "ja"
    assert show_value(FieldKind.DATE, "soon", "de") == "soon"


NUMBERS = st.decimals(-(10**15) + 1, 10**15 - 1, places=3)
DATES = st.dates(date(1000, 1, 1))
ODD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


KINDS = {
    "n": FieldKind.NUMBER,
    "d": FieldKind.DATE,
    "y": FieldKind.YES_NO,
    "bad_n": FieldKind.NUMBER,
    "bad_d": FieldKind.DATE,
}


@examples(max_examples=30)
@given(number=NUMBERS, day=DATES, odd=ODD | st.sampled_from(["2026-02-31", "9999-99-99", "-"]))
def test_sql_reads_values_as_python_does_and_bad_data_as_nothing(shared_engine, number, day, odd):
    values = {
        "n": parse_value(FieldKind.NUMBER, (), str(number)),
        "d": parse_value(FieldKind.DATE, (), day.isoformat()),
    }
    [email, *_] = CORE_FIELDS
    fields = {k: replace(email, key=k, kind=kind, core=False) for k, kind in KINDS.items()}
    select = ", ".join(fields[key].typed_sql for key in ("n", "d", "y", "bad_n", "bad_d"))
    attributes = values | {"y": "true", "bad_n": "x" + odd, "bad_d": odd}
    with shared_engine.connect() as connection:
        row = connection.execute(
            sa.text(f"SELECT {select} FROM (SELECT CAST(:a AS jsonb) AS attributes) s"),
            {"a": json.dumps(attributes)},
        ).one()
    assert row[0] == Decimal(values["n"])
    assert row[1] == day
    assert row[2] is True
    assert row[3] is None
    assert row[4] is None or row[4].year >= 1000


def test_values_go_to_columns_and_attributes_alike(uow):
    with uow() as tx:
        make_field(tx)
        anna = make_subscriber(tx, "anna@example.com", NOW)
        set_values(tx.session, anna, {"city": " Köln ", "first_name": "Anna", "language": "EN"})
    with uow() as tx:
        anna = make_subscriber(tx, "anna@example.com", NOW)
        assert (anna.first_name, anna.language, anna.attributes) == ("Anna", "en", {"city": "Köln"})
        assert value_of(field_by_key(tx.session, "city"), anna) == "Köln"
        assert value_of(field_by_key(tx.session, "email"), anna) == "anna@example.com"
        set_values(tx.session, anna, {"city": ""})
        assert anna.attributes == {}


def test_the_address_the_unknown_and_the_restricted_are_not_written(uow):
    with uow() as tx:
        anna = make_subscriber(tx, "anna@example.com", NOW)
        told = {"email": "b@example.com", "shoe": "3", "language": "", "first_name": "a\rb"}
        assert set(wrong(set_values, tx.session, anna, told)) == set(told)
        assert (anna.address, anna.first_name) == ("anna@example.com", "Änne")
        anna.restricted_at = NOW
        with pytest.raises(Refused):
            set_values(tx.session, anna, {"first_name": "Anna"})
