"""Drafts: checked field by field, never overwritten by a second writer, frozen by the launch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listmgr.campaigns import compose
from listmgr.campaigns.compose import Draft, WrittenMeanwhile
from listmgr.campaigns.models import Campaign
from listmgr.kit.errors import InvalidInput, NotFound
from tests.conftest import NOW, UnitOfWork
from tests.factories import make_list


@pytest.fixture
def draft(uow: UnitOfWork) -> Draft:
    with uow() as tx:
        _list, purpose, _notice = make_list(tx)
        return Draft("Mai", purpose.id, "Neues im Mai", "markdown", "Hallo")


def test_two_writers_do_not_overwrite_each_other(uow: UnitOfWork, draft: Draft):
    with uow() as tx:
        made = compose.create(tx, draft, operator_id=None, at=NOW)
    with uow() as tx:
        compose.save(tx, made.id, replace(draft, body="erste"), revision=1)
    with pytest.raises(WrittenMeanwhile), uow() as tx:
        compose.save(tx, made.id, replace(draft, body="zweite"), revision=1)
    with uow() as tx:
        assert tx.session.get_one(Campaign, made.id).body == "erste"
        compose.save(tx, made.id, replace(draft, body="zweite"), revision=2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "Hallo\r\nBcc: a@b.example"),
        ("subject", "a\u2028b"),
        ("subject", "x" * 301),
        ("name", "a\0b"),
        ("name", " "),
        ("body", "a\0b"),
        ("body", "x" * 1_000_000),
        ("format", "exe"),
        ("purpose_id", 999),
    ],
)
def test_t17_each_bad_field_is_named(uow: UnitOfWork, draft: Draft, field: str, value: str | int):
    with pytest.raises(InvalidInput) as caught, uow() as tx:
        compose.create(tx, replace(draft, **{field: value}), operator_id=None, at=NOW)
    assert set(caught.value.fields) == {field}


def test_a_copy_is_a_new_draft_and_a_draft_can_go(uow: UnitOfWork, draft: Draft):
    with uow() as tx:
        made = compose.create(tx, draft, operator_id=None, at=NOW)
    with uow() as tx:
        copied = compose.copy(tx, made.id, operator_id=None, at=NOW)
        assert (copied.name, copied.body) == ("Mai (copy)", "Hallo")
    with uow() as tx:
        compose.delete_draft(tx, made.id)
    with pytest.raises(NotFound), uow() as tx:
        compose.delete_draft(tx, made.id)


def test_w12_what_is_wrong_with_a_draft_is_said_by_the_catalogue(uow: UnitOfWork, draft: Draft):
    from listmgr.kit.validation import Validator

    wrong = replace(draft, name="a\nb", subject="x" * 301, body="y" * 500_001, plain_text="a\0b")
    with uow() as tx, pytest.raises(InvalidInput) as error:
        compose.create(tx, wrong, operator_id=None, at=NOW)
    typed = Validator()
    typed.line("name", wrong.name)
    typed.line("subject", wrong.subject)
    typed.text("body", wrong.body, limit=500_000)
    typed.text("plain_text", wrong.plain_text)
    assert error.value.fields == typed.wrong
