"""Acts on many people: what is previewed is done, who is left alone is counted, undo is honest."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.bulk.control import can_undo, purge
from listmgr.bulk.lifecycle import BulkStatus
from listmgr.bulk.models import BulkAct, BulkUndoValue
from listmgr.bulk.preview import sample
from listmgr.consent.anchor import broken_chains
from listmgr.consent.models import Consent, ConsentEvent
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.operators.models import AuditEntry, Role
from listmgr.privacy.erasure import erase
from listmgr.search.conditions import SubscriberQuery
from listmgr.selections.freeze import SelectionRequest
from listmgr.selections.models import Selection, SelectionKind
from listmgr.subscribers.custom_fields import (
    FieldWords,
    create_field,
)
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason
from listmgr.suppression.register import suppress
from tests.bulk.conftest import Office, ticked
from tests.conftest import NOW
from tests.factories import (
    make_list,
    make_pending,
    make_subscriber,
)

pytestmark = pytest.mark.usefixtures("small_chunks")


def column(session, name: str) -> list[object]:
    session.rollback()
    return list(session.scalars(sa.text(f"SELECT {name} FROM subscribers ORDER BY id")))


def test_a_core_field_is_set_for_everybody_who_may_be_changed(office: Office, people, session):
    act = office.prepare(kind="set_field", field="company", value="Müller AG")
    assert (act.status, act.people) == (BulkStatus.READY, 5)
    assert act.foreseen == {"change": 4, "restricted": 1}
    assert column(session, "company") == [""] * 5
    act = office.do(kind="set_field", field="company", value="Müller AG")
    assert act.status is BulkStatus.FINISHED
    assert act.done == {"change": 4, "restricted": 1}
    assert column(session, "company") == ["Müller AG"] * 4 + [""]
    again = office.prepare(kind="set_field", field="company", value="Müller AG")
    assert again.foreseen == {"restricted": 1, "same": 4}


def test_a_custom_field_is_checked_set_emptied_and_given_back(office, people, uow, session):
    with uow() as tx:
        words = FieldWords(
            key="customer_since",
            label_de="Kunde seit",
            label_en="Customer since",
            kind="date",
            purpose="Zum Jubiläum",
            basis="consent",
            retention_months="12",
            category="ordinary",
        )
        create_field(tx, words, roles=["privacy"], by=Role.ADMINISTRATOR, at=NOW)
    with pytest.raises(InvalidInput) as wrong:
        office.prepare(kind="set_field", field="customer_since", value="gestern")
    assert "value" in wrong.value.fields
    set_it = office.do(kind="set_field", field="customer_since", value="1.5.2026")
    assert column(session, "attributes") == [{"customer_since": "2026-05-01"}] * 4 + [{}]
    emptied = office.do(kind="set_field", field="customer_since", value="")
    assert column(session, "attributes") == [{}] * 5
    assert office.undo(emptied.id).undone == {"undone": 4}
    assert column(session, "attributes") == [{"customer_since": "2026-05-01"}] * 4 + [{}]
    assert office.undo(set_it.id).undone == {"undone": 4}
    assert column(session, "attributes") == [{}] * 5


def test_tags_are_added_and_removed_without_touching_others(office, people, uow, session):
    with uow() as tx:
        tx.session.get_one(Subscriber, people[0]).tags = ["old", "fair"]
    added = office.do(ticked(*people[:2]), kind="add_tags", tags="fair, spring 2026")
    both = ["fair", "spring 2026"]
    assert column(session, "tags")[:3] == [["old", *both], both, []]
    removed = office.do(kind="remove_tags", tags="fair")
    assert column(session, "tags")[:2] == [["old", "spring 2026"], ["spring 2026"]]
    assert removed.done == {"change": 2, "restricted": 1, "same": 2}
    assert office.undo(removed.id).undone == {"undone": 2}
    assert sorted(column(session, "tags")[0]) == ["fair", "old", "spring 2026"]
    assert office.undo(added.id).undone == {"undone": 2}
    # The tag that was there before the act stays.
    assert sorted(column(session, "tags")[0]) == ["fair", "old"]
    assert column(session, "tags")[1] == []


def test_undo_leaves_alone_and_counts_who_was_changed_since(office, people, uow, session):
    act = office.do(kind="set_field", field="company", value="Neu")
    with uow() as tx:
        tx.session.get_one(Subscriber, people[1]).company = "By hand"
        tx.session.get_one(Subscriber, people[2]).restricted_at = NOW
        erase(tx, [people[3]], actor="operator:1", at=NOW)
    undone = office.undo(act.id)
    assert undone.status is BulkStatus.UNDONE
    assert undone.undone == {"changed_since": 1, "restricted": 1, "undone": 1}
    assert column(session, "company") == ["", "By hand", "Neu", ""]
    with pytest.raises(Refused):
        office.undo(act.id)


def test_undo_ends_after_thirty_days_and_the_values_before_are_purged(office, people, uow, session):
    act = office.do(kind="basis_note", note="Visitenkarten Messe 2026")
    assert can_undo(act, NOW + timedelta(days=29))
    assert not can_undo(act, NOW + timedelta(days=30))
    with pytest.raises(Refused):
        office.steer(act.id, "undo", at=NOW + timedelta(days=31))
    with uow() as tx:
        assert purge(tx, at=NOW + timedelta(days=29)) == 0
        assert len(tx.session.scalars(sa.select(BulkUndoValue)).all()) == 2
    with uow() as tx:
        assert purge(tx, at=NOW + timedelta(days=30)) == 1
    assert session.scalars(sa.select(BulkUndoValue)).all() == []
    assert session.scalars(sa.select(Selection)).all() == []
    assert (office.look(act.id).value, office.look(act.id).done["change"]) == ("", 4)


def test_what_was_prepared_and_never_started_is_forgotten(office, people, uow, session):
    act = office.prepare(kind="set_field", field="company", value="Neu")
    with uow() as tx:
        assert purge(tx, at=NOW + timedelta(days=2)) == 1
    assert office.look(act.id).status is BulkStatus.CANCELLED
    assert session.scalars(sa.select(Selection)).all() == []


def test_l33_restricting_many_is_undone_but_never_lifts_another_restriction(
    office, people, uow, session
):
    act = office.do(kind="restrict")
    assert act.done == {"change": 4, "restricted": 1}
    with uow() as tx:
        tx.session.get_one(Subscriber, people[0]).restricted_at = NOW + timedelta(hours=1)
    assert office.undo(act.id).undone == {"changed_since": 1, "undone": 3}
    restricted = column(session, "restricted_at IS NOT NULL")
    assert restricted == [True, False, False, False, True]


def test_l13_withdrawing_on_the_word_of_many_goes_through_the_ledger(office, people, uow, session):
    with uow() as tx:
        other = make_list(tx, "other")[2]
        make_pending(tx, "anna@example.com", other, NOW)
        make_subscriber(tx, "frieda@example.com", NOW)
    act = office.prepare(kind="withdraw", how="letter", purpose="1")
    assert act.foreseen == {"change": 5, "nothing_open": 1}
    office.steer(act.id, "start")
    act = office.work(act.id)
    assert act.done == {"change": 5, "ended": 5, "nothing_open": 1}
    stands = session.scalars(sa.select(Consent.status).order_by(Consent.id)).all()
    assert stands == ["withdrawn"] * 5 + ["captured"]
    event = session.scalars(sa.select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
    assert event is not None
    assert (event.action, event.actor) == ("withdraw", f"operator:{office.operator_id}")
    assert event.facts == '{"method":"letter"}'
    with uow() as tx:
        assert broken_chains(tx) == []
    with pytest.raises(Refused, match="undone"):
        office.steer(act.id, "undo")


def test_objecting_ends_everything_and_blocks_for_good(office, people, uow, session):
    with uow() as tx:
        bert = tx.session.get_one(Subscriber, people[1])
        suppress(tx, bert.fingerprint, SuppressionReason.BOUNCED, at=NOW)
        frieda = make_subscriber(tx, "frieda@example.com", NOW)
        suppress(tx, frieda.fingerprint, SuppressionReason.OBJECTED, at=NOW)
    act = office.do(kind="object", how="phone")
    assert act.done == {"change": 5, "ended": 5, "suppressed": 1}
    assert len(session.scalars(sa.select(Suppression.fingerprint)).all()) == 6
    assert set(session.scalars(sa.select(Consent.status))) == {"withdrawn"}


def test_erasing_many_leaves_nothing_but_a_chain_that_verifies(office, people, uow, session):
    act = office.do(kind="erase")
    assert act.done == {"change": 4, "restricted": 1}
    assert column(session, "address") == ["emil@example.com"]
    with uow() as tx:
        assert broken_chains(tx) == []
    assert sorted(session.scalars(sa.select(Consent.status))) == ["confirmed"] + ["erased"] * 4
    assert not can_undo(act, NOW)


def test_erasing_takes_the_records_joined_to_a_person_along(office, people, uow, session):
    with uow() as tx:
        tx.session.get_one(Subscriber, people[1]).merged_into_id = people[0]
        tx.session.get_one(Subscriber, people[2]).merged_into_id = people[0]
    office.do(ticked(people[1]), kind="erase")
    assert column(session, "address") == ["dora@example.com", "emil@example.com"]


def test_what_is_previewed_is_done_to_those_people_and_to_nobody_who_came_later(
    office, people, uow, session
):
    wanted = SubscriberQuery(query="@example.com")
    act = office.prepare(
        SelectionRequest(SelectionKind.FOUND, search=wanted), kind="add_tags", tags="x"
    )
    with uow() as tx:
        make_subscriber(tx, "zoe@example.com", NOW)
        # The words stay until the act begins, for its page to name the people.
        assert [one["query"] for one in tx.session.scalars(sa.select(Selection.search))] == [
            "@example.com"
        ]
    office.steer(act.id, "start")
    assert session.scalars(sa.select(Selection.search)).all() == [{}]
    assert office.work(act.id).done == {"change": 4, "restricted": 1}
    assert column(session, "tags") == [["x"]] * 4 + [[], []]


def test_the_sample_is_for_roles_that_see_persons(office, people, uow):
    act = office.prepare(kind="set_field", field="first_name", value="X")
    with uow() as tx:
        act = tx.session.get_one(BulkAct, act.id)
        seen = sample(tx.session, act, Role.SERVICE)
        assert [(one.address, one.now, one.verdict) for one in seen] == [
            ("anna@example.com", "Änne", "change"),
            ("bert@example.com", "Änne", "change"),
        ]
        assert sample(tx.session, act, Role.MARKETER) == []


def test_l37_a_role_does_only_what_its_rights_are(office, people):
    office.role = Role.SERVICE
    office.prepare(kind="withdraw", how="phone")
    with pytest.raises(Refused):
        office.prepare(kind="erase")
    office.role = Role.MARKETER
    with pytest.raises(Refused):
        office.prepare(kind="add_tags", tags="x")
    office.role = Role.PRIVACY
    act = office.prepare(kind="erase")
    office.role = Role.SERVICE
    with pytest.raises(Refused):
        office.steer(act.id, "start")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "kind"),
        ({"kind": "confirm"}, "kind"),
        ({"kind": "set_field"}, "field"),
        ({"kind": "set_field", "field": "email", "value": "x@example.org"}, "field"),
        ({"kind": "set_field", "field": "status", "value": "confirmed"}, "field"),
        ({"kind": "set_field", "field": "language", "value": ""}, "value"),
        ({"kind": "add_tags", "tags": " , "}, "tags"),
        ({"kind": "add_tags", "tags": ",".join(map(str, range(21)))}, "tags"),
        ({"kind": "add_tags", "tags": "a\tb"}, "tags"),
        ({"kind": "basis_note", "note": "x" * 301}, "note"),
        ({"kind": "withdraw"}, "how"),
        ({"kind": "object", "how": "telepathy"}, "how"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(office, people, asked, field):
    with pytest.raises(InvalidInput) as wrong:
        office.prepare(**asked)
    assert list(wrong.value.fields) == [field]


def test_nobody_ticked_is_told(office, people):
    with pytest.raises(InvalidInput, match="Tick people"):
        office.prepare(ticked(), kind="restrict")


def test_everything_is_in_the_audit_log_without_a_persons_data(office, people, session):
    act = office.do(kind="set_field", field="company", value="Geheim GmbH")
    office.undo(act.id)
    rows = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    told = [(row.action, row.subject_id, row.details) for row in rows]
    assert told[-2:] == [
        ("bulk_action.finished", act.id, {"kind": "set_field", "change": 4, "restricted": 1}),
        ("bulk_action.undone", act.id, {"kind": "set_field", "undone": 4}),
    ]
    assert "Geheim" not in str(told)


def test_l15_erasing_a_person_takes_them_out_of_the_values_before(office, people, uow, session):
    with uow() as tx:
        tx.session.get_one(Subscriber, people[0]).company = "Annas Kiosk"
    act = office.do(ticked(people[0]), kind="set_field", field="company", value="Annas Laden")
    many = office.do(ticked(*people[:4]), kind="set_field", field="company", value="Neu")
    with uow() as tx:
        erase(tx, [people[0]], actor="operator:1", at=NOW)
    kept = str(session.scalars(sa.select(BulkUndoValue.before)).all())
    assert "Annas" not in kept
    # Of the act on her alone nothing is left to undo; the other one still has the other three.
    assert (office.look(act.id).value, office.look(act.id).undo_until) == ("", None)
    assert office.undo(many.id).undone == {"undone": 3}
