"""The demo's own fields: each person's values fit them, and its segment finds somebody."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.anchor import broken_chains
from listmgr.demo.fields import invent_fields
from listmgr.demo.people import invent_people
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Role
from listmgr.segments.edit import (
    segments,
    tree_of,
)
from listmgr.segments.sql import predicate
from listmgr.subscribers.custom_fields import custom_fields
from listmgr.subscribers.field_catalogue import as_catalogue
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW, UnitOfWork
from tests.factories import make_list


def test_values_fit_their_fields_and_the_segment_finds_some(uow: UnitOfWork, session: Session):
    with uow() as tx:
        create_operator(tx, email="b@example.org", name="Ben", role=Role.MARKETER, at=NOW)
        invent_fields(tx, NOW)
        notice = make_list(tx)[2]
        invent_people(tx, [{"de": notice, "en": notice}], NOW, count=200)
        assert broken_chains(tx) == []
    fields = {row.key: as_catalogue(row) for row in custom_fields(session)}
    assert set(fields) == {"city", "interest"}
    held = session.scalars(sa.select(Subscriber.attributes)).all()
    for key, field in fields.items():
        values = [one[key] for one in held if key in one]
        assert 50 < len(values) < 200
        assert [field.parse(value) for value in values] == values
    [segment] = segments(session)
    rule = predicate(tree_of(segment))
    fit = session.scalar(
        sa.text(f"SELECT count(*) FROM subscribers s WHERE {rule.sql}"), dict(rule.binds)
    )
    expected = [
        one for one in held if (one.get("city"), one.get("interest")) == ("Berlin", "Musik")
    ]
    assert fit == len(expected) > 0
