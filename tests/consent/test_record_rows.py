"""A change of a consent without the ORM: the same chain, and nothing for a row that has changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.anchor import broken_chains
from listmgr.consent.history import history
from listmgr.consent.ledger import ConsentRow, record, record_rows
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus, ForbiddenTransition
from listmgr.consent.models import Consent
from listmgr.kit.rows import rows_unflushed
from tests.conftest import NOW
from tests.factories import make_confirmed, make_list, make_pending

WITHDRAWAL = {
    "actor": "subscriber",
    "facts": {"how": "page"},
    "evidence": {"ip": "192.0.2.7", "note": "Grüße, \\n „so“"},
    "at": NOW + timedelta(days=1),
}


@pytest.fixture
def notice(uow):
    with uow() as tx:
        return make_list(tx)[2]


def test_it_writes_what_the_orm_writes(uow, session, notice):
    with uow() as tx:
        first = make_confirmed(tx, "anna@example.com", notice, NOW)
        second = make_confirmed(tx, "bert@example.com", notice, NOW)
    with uow() as tx:
        by_orm = tx.session.get_one(Consent, first.id, with_for_update=True)
        record(tx, by_orm, ConsentAction.WITHDRAW, **WITHDRAWAL)
    with uow() as tx:
        row = ConsentRow(second.id, ConsentStatus.CONFIRMED, second.version)
        changed = record_rows(
            tx, rows_unflushed(tx.session), [row], ConsentAction.WITHDRAW, **WITHDRAWAL
        )
        assert changed == {second.id}
        assert tx.journaled
    with uow() as tx:
        assert broken_chains(tx) == []
    columns = (Consent.status, Consent.version, Consent.ended_at, Consent.expires_at)
    first_row, second_row = session.execute(sa.select(*columns).order_by(Consent.id)).all()
    assert tuple(first_row) == tuple(second_row)
    last, last_of_other = history(session, first.id)[-1], history(session, second.id)[-1]
    assert last.facts == last_of_other.facts
    assert last.evidence == last_of_other.evidence == WITHDRAWAL["evidence"]


def test_a_confirmation_ends_the_time_to_answer(uow, session, notice):
    with uow() as tx:
        pending = make_pending(tx, "anna@example.com", notice, NOW)
    with uow() as tx:
        row = ConsentRow(pending.id, ConsentStatus.PENDING, pending.version)
        record_rows(tx, rows_unflushed(tx.session), [row], ConsentAction.CONFIRM, **WITHDRAWAL)
    consent = session.scalars(sa.select(Consent)).one()
    assert consent.status is ConsentStatus.CONFIRMED
    assert consent.confirmed_at == WITHDRAWAL["at"]
    assert consent.expires_at is None
    assert consent.ended_at is None


@pytest.mark.parametrize(
    ("status", "version"), [(ConsentStatus.CONFIRMED, 1), (ConsentStatus.PENDING, 3)]
)
def test_a_row_that_is_no_longer_as_it_was_read_stays(uow, session, notice, status, version):
    with uow() as tx:
        consent = make_confirmed(tx, "anna@example.com", notice, NOW)
    with uow() as tx:
        row = ConsentRow(consent.id, status, version)
        rows = rows_unflushed(tx.session)
        assert not record_rows(tx, rows, [row], ConsentAction.WITHDRAW, **WITHDRAWAL)
    assert session.scalars(sa.select(Consent.status)).one() is ConsentStatus.CONFIRMED
    assert len(history(session, consent.id)) == consent.version


def test_an_action_the_status_forbids_is_refused(uow, notice):
    with uow() as tx:
        consent = make_confirmed(tx, "anna@example.com", notice, NOW)
    with uow() as tx, pytest.raises(ForbiddenTransition):
        row = ConsentRow(consent.id, ConsentStatus.WITHDRAWN, consent.version)
        record_rows(tx, rows_unflushed(tx.session), [row], ConsentAction.CONFIRM, **WITHDRAWAL)
