"""Who was chosen: kept as it was asked, gathered by steps, rather nobody than everybody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.kit.errors import NotFound, Refused
from listmgr.operators.models import Role
from listmgr.search.conditions import SubscriberQuery
from listmgr.segments.edit import create
from listmgr.segments.rules import Group, Rule
from listmgr.selections import freeze
from listmgr.selections.freeze import (
    SelectionRequest,
    begin,
    chunk_ids,
    contains,
)
from listmgr.selections.models import Selection, SelectionKind
from listmgr.selections.search_codec import (
    as_kept,
    restored,
)
from listmgr.subscribers.custom_fields import (
    FieldWords,
    create_field,
)
from listmgr.subscribers.field_catalogue import field_by_key
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)


@pytest.fixture
def people(uow: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(freeze, "CHUNK", 2)
    monkeypatch.setattr(freeze, "BATCH", 2)
    with uow() as tx:
        notice = make_list(tx)[2]
        made = [make_confirmed(tx, f"p{n}@example.com", notice, NOW) for n in range(7)]
        return [one.subscriber_id or 0 for one in made]


def gathered(uow: UnitOfWork, chosen: SelectionRequest) -> Selection:
    with uow() as tx:
        selection_id = begin(tx, chosen, role=Role.PRIVACY, at=NOW).id
    while True:
        with uow() as tx:
            selection = tx.session.get_one(Selection, selection_id)
            freeze.gather(tx, selection, at=NOW)
            if selection.gathered_at:
                return selection


def ids_of(uow: UnitOfWork, selection: Selection) -> list[list[int]]:
    with uow() as tx:
        return [chunk_ids(tx.session, selection.id, n) for n in range(selection.chunks)]


def test_everybody_stands_in_chunks_in_the_order_of_ids(uow, people):
    selection = gathered(uow, SelectionRequest(SelectionKind.FOUND))
    assert ids_of(uow, selection) == [people[0:2], people[2:4], people[4:6], people[6:7]]
    assert (selection.people, selection.percent) == (7, 100)
    with uow() as tx:
        assert contains(tx.session, selection.id, [people[3], 999])
        assert not contains(tx.session, selection.id, [999])


def test_ticked_people_are_those_that_exist_each_once(uow, people):
    chosen = SelectionRequest(SelectionKind.TICKED, ids=(people[5], 10**9, people[1], people[5]))
    assert ids_of(uow, gathered(uow, chosen)) == [[people[1], people[5]]]


def test_a_search_is_kept_and_restored_as_it_was(uow, people, session):
    wanted = SubscriberQuery(
        query="anna @example.com",
        list_id=1,
        status=ConsentStatus.CONFIRMED,
        source=ConsentSource.FORM,
        tag="fair",
        field=field_by_key(session, "company"),
        value="Müller AG",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert restored(session, as_kept(wanted)) == wanted
    assert restored(session, as_kept(SubscriberQuery())) == SubscriberQuery()


def test_a_search_for_a_field_that_is_gone_finds_nobody(uow, people, session):
    kept = as_kept(SubscriberQuery(field=field_by_key(session, "company"), value="x")) | {
        "field": "gone"
    }
    with pytest.raises(NotFound):
        restored(session, kept)
    with uow() as tx:
        selection_id = begin(
            tx, SelectionRequest(SelectionKind.FOUND), role=Role.PRIVACY, at=NOW
        ).id
        tx.session.execute(sa.update(Selection).values(search=kept))
    with uow() as tx:
        assert freeze.gather(tx, tx.session.get_one(Selection, selection_id), at=NOW) == []


def test_progress_is_how_far_the_ids_have_been_passed():
    half = Selection(position=50, last=100, gathered_at=None)
    assert half.percent == 50
    assert Selection(position=0, last=0, gathered_at=None).percent == 100


def test_a_segment_is_a_selection(uow, people):
    with uow() as tx:
        tx.session.get_one(Subscriber, people[2]).tags = ["friend"]
        tree = Group("all", (Rule("tag", "has", "friend"),))
        made = create(tx, "Friends", tree, role=Role.ADMINISTRATOR, operator_id=None, at=NOW)
    chosen = SelectionRequest(SelectionKind.SEGMENT, segment_id=made.id)
    assert ids_of(uow, gathered(uow, chosen)) == [[people[2]]]
    with uow() as tx, pytest.raises(NotFound):
        begin(tx, SelectionRequest(SelectionKind.SEGMENT, segment_id=99), role=Role.PRIVACY, at=NOW)


def test_l37_a_segment_over_a_field_outside_the_role_is_refused(uow, people):
    words = ("salary", "Gehalt", "Salary", "number", "", "Zum Test", "consent", "12", "ordinary")
    with uow() as tx:
        create_field(tx, FieldWords(*words), roles=["administrator"], by=Role.ADMINISTRATOR, at=NOW)
        tree = Group("all", (Rule("field:salary", "at_least", "1000", "number"),))
        made = create(tx, "Rich", tree, role=Role.ADMINISTRATOR, operator_id=None, at=NOW)
    chosen = SelectionRequest(SelectionKind.SEGMENT, segment_id=made.id)
    with uow() as tx, pytest.raises(Refused, match="may not see"):
        begin(tx, chosen, role=Role.PRIVACY, at=NOW)
