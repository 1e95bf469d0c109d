"""L-26: whatever is done to however many people at once, no consent begins and none is raised."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from listmgr.bulk.actions import (
    BulkKind,
    change_of,
    verdict_of,
)
from listmgr.bulk.lifecycle import BulkStatus
from listmgr.consent.anchor import broken_chains
from listmgr.consent.capture import capture
from listmgr.consent.gate import FROM_CONSENTS, MAILABLE, gate_binds
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ConsentSource
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw_many
from listmgr.kit.errors import Refused
from listmgr.lists.models import MailingList
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.bulk.conftest import Office, ticked
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
    make_subscriber,
)

_S = ConsentStatus
# How much a station allows: a bulk act may only lead down.
RANK = {_S.CONFIRMED: 3, _S.PENDING: 2, _S.CAPTURED: 1}
STATES = ("nothing", "captured", "pending", "confirmed", "withdrawn", "suppressed")

ACTS = st.one_of(
    st.builds(
        lambda field, value: {"kind": "set_field", "field": field, "value": value},
        st.sampled_from(["first_name", "last_name", "company", "language"]),
        st.sampled_from(["de", "en"]),
    ),
    st.builds(
        lambda kind, tags: {"kind": kind, "tags": tags},
        st.sampled_from(["add_tags", "remove_tags"]),
        st.sampled_from(["a", "b", "a,b", "confirmed"]),
    ),
    st.just({"kind": "basis_note", "note": "consent given by phone"}),
    st.just({"kind": "restrict"}),
    st.builds(
        lambda kind, how: {"kind": kind, "how": how},
        st.sampled_from(["withdraw", "object"]),
        st.sampled_from(["reply", "letter"]),
    ),
    st.just({"kind": "erase"}),
)
STEPS = st.lists(
    st.tuples(ACTS, st.sets(st.integers(0, len(STATES) - 1), min_size=1), st.booleans()),
    min_size=1,
    max_size=6,
)


def make_people(uow: UnitOfWork) -> list[int]:
    """One person at each station."""
    made = []
    with uow() as tx:
        number = tx.session.scalar(sa.select(sa.func.count()).select_from(MailingList))
        notice = make_list(tx, f"list-{number}")[2]
        for state in STATES:
            address = f"{state}{number}@example.com"
            person = make_subscriber(tx, address, NOW)
            made.append(person.id)
            if state == "captured":
                capture(tx, person, notice, source=ConsentSource.CARD, at=NOW, actor="operator:1")
            elif state == "pending":
                make_pending(tx, address, notice, NOW)
            elif state != "nothing":
                make_confirmed(tx, address, notice, NOW)
            if state == "withdrawn":
                facts = RequestFacts(method="page")
                withdraw_many(
                    tx, [person.id], method="page", actor="subscriber", facts=facts, at=NOW
                )
            elif state == "suppressed":
                suppress(tx, person.fingerprint, SuppressionReason.OBJECTED, at=NOW)
    return made


def stations(session: Session) -> dict[int, ConsentStatus]:
    session.rollback()
    return dict(session.execute(sa.select(Consent.id, Consent.status)).all())


def mailable(session: Session, office: Office) -> set[int]:
    statement = sa.text(f"SELECT c.id FROM {FROM_CONSENTS} WHERE {MAILABLE}")
    with office.uow() as tx:
        binds = gate_binds(tx.settings)
    return set(session.scalars(statement, binds))


@given(steps=STEPS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_l26_no_row_of_bulk_acts_begins_or_raises_a_consent(
    office: Office, uow: UnitOfWork, session: Session, steps
):
    people = make_people(uow)
    before, could = stations(session), mailable(session, office)
    assert could
    for asked, ids, undo in steps:
        act = office.do(ticked(*(people[n] for n in ids)), **asked)
        if undo and act.undo_until is not None and act.done:
            office.undo(act.id)
        after = stations(session)
        assert after.keys() == before.keys()
        for consent_id, status in after.items():
            assert RANK.get(status, 0) <= RANK.get(before[consent_id], 0)
        assert mailable(session, office) <= could
        before = after
    with uow() as tx:
        assert broken_chains(tx) == []


@pytest.mark.parametrize("kind", list(BulkKind))
def test_l26_no_kind_writes_to_a_consent_by_itself(kind):
    """What a kind assigns are columns of the person; only the ledger moves a consent."""
    change = change_of(kind, "company")
    written = f"{change.write} {change.restore}" if change else ""
    assert "consent" not in written
    assert "status" not in written
    assert "UPDATE" not in verdict_of(kind, "company")


@pytest.mark.parametrize("kind", ["withdraw", "object", "erase"])
def test_l26_what_ended_a_consent_is_never_undone(office: Office, uow, session, kind):
    make_people(uow)
    act = office.do(kind=kind, how="letter")
    assert act.status is BulkStatus.FINISHED
    assert act.done["change"] > 0
    with pytest.raises(Refused, match="cannot be undone"):
        office.steer(act.id, "undo")
    assert set(stations(session).values()) <= {_S.WITHDRAWN, _S.ERASED}
