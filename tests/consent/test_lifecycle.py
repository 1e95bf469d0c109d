"""Every cell of the consent's life is decided, here and in the database alike."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from listmgr.consent.lifecycle import (
    ENDED,
    TRANSITIONS,
    ConsentAction,
    ConsentStatus,
    ForbiddenTransition,
    next_status,
)
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)

# The life of a consent, told once more by hand: which act leads from where to where. What is not
# here is refused.
LIFE = """
new        capture           captured
captured   request           pending
captured   confirm_imported  confirmed
captured   withdraw          withdrawn
captured   expire            expired
captured   erase             erased
pending    request           pending
pending    request_sent      pending
pending    confirm           confirmed
pending    refuse            refused
pending    withdraw          withdrawn
pending    expire            expired
pending    erase             erased
confirmed  request_sent      confirmed
confirmed  withdraw          withdrawn
confirmed  erase             erased
refused    erase             erased
expired    erase             erased
withdrawn  erase             erased
"""
CELLS = {(before, act): after for before, act, after in map(str.split, LIFE.split("\n")[1:-1])}


@pytest.mark.parametrize(
    ("status", "action"), list(itertools.product([None, *ConsentStatus], ConsentAction))
)
def test_w14_every_cell_leads_where_it_should_or_is_refused(status, action):
    expected = CELLS.get((status or "new", action))
    if expected is None:
        with pytest.raises(ForbiddenTransition):
            next_status(status, action)
    else:
        assert next_status(status, action) == expected


def test_w14_every_line_of_the_life_is_a_cell():
    assert {(status or "new", action) for status, action in TRANSITIONS} == set(CELLS)


def test_nothing_leads_out_of_an_end_but_erasure():
    leaving = {cell for cell in TRANSITIONS if cell[0] in ENDED}
    assert {action for _, action in leaving} == {ConsentAction.ERASE}


def test_confirmed_is_reached_only_from_the_question_or_by_proven_import():
    into = {
        cell
        for cell, target in TRANSITIONS.items()
        if target is ConsentStatus.CONFIRMED and cell[0] is not ConsentStatus.CONFIRMED
    }
    assert into == {
        (ConsentStatus.PENDING, ConsentAction.CONFIRM),
        (ConsentStatus.CAPTURED, ConsentAction.CONFIRM_IMPORTED),
    }


@pytest.mark.parametrize("before", list(ConsentStatus))
@pytest.mark.parametrize("after", list(ConsentStatus))
def test_the_database_refuses_what_the_table_does_not_know(
    uow: UnitOfWork, superuser, before, after
):
    if before is after:
        return
    known = {(status, target) for (status, _), target in CELLS.items()}
    with uow() as tx:
        _, _, notice = make_list(tx)
        consent = make_confirmed(tx, "anna@example.com", notice, NOW)
    with superuser.connect() as connection:
        connection.execute(sa.text("SET session_replication_role = replica"))
        connection.execute(
            sa.text("UPDATE consents SET status = :s WHERE id = :i"), {"s": before, "i": consent.id}
        )
        connection.execute(sa.text("SET session_replication_role = origin"))
        move = sa.text("UPDATE consents SET status = :s WHERE id = :i")
        if (before, after) in known:
            connection.execute(move, {"s": after, "i": consent.id})
        else:
            with pytest.raises(IntegrityError):
                connection.execute(move, {"s": after, "i": consent.id})
        connection.rollback()
