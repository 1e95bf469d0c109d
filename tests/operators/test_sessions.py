"""Sessions end on the server: by themselves, by their operator, and with the account."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.operators.accounts import change_role, create_operator, disable, set_password
from listmgr.operators.models import Operator, OperatorSession
from listmgr.operators.sessions import (
    IDLE,
    LONGEST,
    MOST_AT_ONCE,
    end_session,
    open_session,
    start_session,
    touch_session,
)
from tests.conftest import NOW


@pytest.fixture
def ben(uow) -> Operator:
    with uow() as tx:
        create_operator(tx, email="a@example.org", name="A", role="administrator", at=NOW)
        return create_operator(tx, email="ben@example.org", name="Ben", role="sales", at=NOW)


def begin(uow, operator: Operator) -> str:
    with uow() as tx:
        return start_session(tx, tx.session.get_one(Operator, operator.id), at=NOW)


def test_s15_a_session_ends_for_every_copy_of_its_cookie(uow, session, ben):
    secret, other = begin(uow, ben), begin(uow, ben)
    with uow() as tx:
        end_session(tx, secret)
    assert open_session(session, secret, at=NOW) is None
    assert open_session(session, other, at=NOW) is not None


def test_s15_a_session_ends_when_idle_and_after_a_week(uow, session, ben):
    secret = begin(uow, ben)
    second = timedelta(seconds=1)
    assert open_session(session, secret, at=NOW + IDLE - second) is not None
    assert open_session(session, secret, at=NOW + IDLE) is None
    row = session.scalars(sa.select(OperatorSession)).one()
    with uow() as tx:
        touch_session(tx, row.id, at=NOW + LONGEST - 2 * second)
    assert open_session(session, secret, at=NOW + LONGEST - second) is not None
    assert open_session(session, secret, at=NOW + LONGEST) is None


@pytest.mark.parametrize("act", ["disable", "role", "password"])
def test_s15_all_sessions_end_with_the_account_the_role_and_the_password(uow, session, ben, act):
    secret = begin(uow, ben)
    with uow() as tx:
        if act == "disable":
            disable(tx, ben.id, at=NOW)
        elif act == "role":
            change_role(tx, ben.id, "marketer")
        else:
            set_password(tx, ben.id, password="another good one", current=None)
    assert open_session(session, secret, at=NOW) is None
    assert session.scalar(sa.select(sa.func.count()).select_from(OperatorSession)) == 0


def test_s15_a_sign_in_beside_a_new_password_does_not_outlive_it(uow, session, ben):
    begun, changed = threading.Event(), threading.Event()
    secrets = []

    def sign_in() -> None:
        with uow() as tx:
            operator = tx.session.get_one(Operator, ben.id)
            begun.set()
            changed.wait(10)
            secrets.append(start_session(tx, operator, at=NOW))

    thread = threading.Thread(target=sign_in)
    thread.start()
    begun.wait(10)
    with uow() as tx:
        set_password(tx, ben.id, password="another good one", current=None)
    changed.set()
    thread.join()
    assert open_session(session, secrets[0], at=NOW) is None


def test_s15_old_sessions_do_not_pile_up(uow, session, ben):
    for _ in range(MOST_AT_ONCE + 5):
        last = begin(uow, ben)
    count = sa.select(sa.func.count()).select_from(OperatorSession)
    assert session.scalar(count) == MOST_AT_ONCE
    assert open_session(session, last, at=NOW) is not None
    with uow() as tx:
        start_session(tx, tx.session.get_one(Operator, ben.id), at=NOW + LONGEST)
    session.rollback()
    assert session.scalar(count) == 1


def test_s15_the_secret_itself_is_not_kept(uow, ben, engine):
    secret = begin(uow, ben)
    with engine.connect() as connection:
        kept = str(connection.execute(sa.text("SELECT s::text FROM operator_sessions s")).all())
    assert secret not in kept
