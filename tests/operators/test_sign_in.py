"""Signing in by password, once by a link, and as the first of all."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from listmgr.kit.errors import InvalidInput
from listmgr.kit.tokens import TokenExpired, TokenInvalid, TokenPurpose, make_token
from listmgr.operators.accounts import create_operator, disable, operators
from listmgr.operators.models import Operator, Role
from listmgr.operators.sessions import open_session, start_session
from listmgr.operators.sign_in import (
    check_first_run,
    first_run,
    first_run_token,
    one_time_sign_in,
    sign_in,
    use_one_time,
    whose_one_time,
)
from tests.conftest import NOW

GOOD = "correct horse battery"


@pytest.fixture
def ada(uow) -> Operator:
    with uow() as tx:
        return create_operator(
            tx, email="ada@example.org", name="Ada", role="administrator", password=GOOD, at=NOW
        )


def enter(uow, email: str = "ada@example.org", password: str = GOOD) -> Operator | None:
    with uow() as tx:
        return sign_in(tx, email=email, password=password)


def test_by_password(uow, ada):
    found = enter(uow, " ADA@example.org ")
    assert found is not None
    assert found.id == ada.id
    assert enter(uow, password="wrong") is None
    assert enter(uow, "bob@example.org") is None


@pytest.mark.parametrize("hostile", ["", "\0", "a\0@b", "x" * 1_000_000, "' OR 1=1 --", "\ud800"])
def test_hostile_sign_ins_are_wrong_ones(uow, ada, hostile):
    assert enter(uow, hostile, GOOD) is None
    assert enter(uow, "ada@example.org", hostile) is None


def test_who_has_no_password_cannot_use_one(uow):
    with uow() as tx:
        create_operator(tx, email="b@example.org", name="B", role="sales", at=NOW)
    for password in ("", "nobody has this password"):
        assert enter(uow, "b@example.org", password) is None


def test_an_unknown_address_takes_as_long_as_a_wrong_password(uow, ada):
    def median(email: str) -> float:
        times = []
        for _ in range(5):
            began = time.thread_time()
            assert enter(uow, email, "wrong password") is None
            times.append(time.thread_time() - began)
        return sorted(times)[2]

    median("ada@example.org")
    known, unknown = median("ada@example.org"), median("bob@example.org")
    assert 0.4 < unknown / known < 2.5


def test_a_disabled_account_is_shut(uow, ada):
    with uow() as tx:
        create_operator(tx, email="b@example.org", name="B", role="administrator", at=NOW)
        token = one_time_sign_in(tx, ada.id, at=NOW)
    with uow() as tx:
        disable(tx, ada.id, at=NOW)
    assert enter(uow) is None
    with uow() as tx:
        with pytest.raises(TokenInvalid):
            use_one_time(tx, token, at=NOW)


def test_a_one_time_sign_in_works_once_and_ends_the_sessions(uow, ada):
    with uow() as tx:
        secret = start_session(tx, tx.session.get_one(Operator, ada.id), at=NOW)
        token = one_time_sign_in(tx, ada.id, at=NOW)
    with uow() as tx:
        assert open_session(tx.session, secret, at=NOW) is not None
        assert whose_one_time(tx.session, tx.settings, token, at=NOW).id == ada.id
    with uow() as tx:
        assert use_one_time(tx, token, at=NOW).session_version == 2
    with pytest.raises(TokenExpired), uow() as tx:
        use_one_time(tx, token, at=NOW)
    with uow() as tx:
        assert open_session(tx.session, secret, at=NOW) is None


def test_s28_a_new_one_time_sign_in_ends_those_before(uow, ada):
    with uow() as tx:
        first, second = (one_time_sign_in(tx, ada.id, at=NOW) for _ in range(2))
    with pytest.raises(TokenExpired), uow() as tx:
        use_one_time(tx, first, at=NOW)
    with uow() as tx:
        assert use_one_time(tx, second, at=NOW).id == ada.id


def test_of_two_who_use_it_at_once_one_gets_in(uow, ada):
    with uow() as tx:
        token = one_time_sign_in(tx, ada.id, at=NOW)
    start = threading.Barrier(2)
    outcomes = []

    def act() -> None:
        start.wait()
        try:
            with uow() as tx:
                use_one_time(tx, token, at=NOW)
            outcomes.append("in")
        except TokenExpired:
            outcomes.append("out")

    threads = [threading.Thread(target=act) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", "out"]


def test_a_one_time_sign_in_ends_after_a_day(uow, ada):
    with uow() as tx:
        token = one_time_sign_in(tx, ada.id, at=NOW)
        whose_one_time(tx.session, tx.settings, token, at=NOW + timedelta(hours=23))
        with pytest.raises(TokenExpired):
            use_one_time(tx, token, at=NOW + timedelta(hours=25))


def test_t20_a_token_of_another_door_kind_or_house_opens_nothing(uow, ada, settings):
    keys = settings.secret_keys
    until = int(NOW.timestamp()) + 100
    forged = [
        "",
        "x" * 5000,
        make_token(keys, TokenPurpose.FORM, "one-time", ada.id, 1, 0, until),
        make_token(("other",), TokenPurpose.SIGN_IN, "one-time", ada.id, 1, 0, until),
        make_token(keys, TokenPurpose.SIGN_IN, "first-run", until),
        make_token(keys, TokenPurpose.SIGN_IN, "one-time", ada.id, until),
        make_token(keys, TokenPurpose.SIGN_IN, "one-time", ada.id, 1, until),
        make_token(keys, TokenPurpose.SIGN_IN, "one-time", 99, 1, 0, until),
        make_token(keys, TokenPurpose.SIGN_IN),
    ]
    for token in forged:
        with pytest.raises(TokenInvalid), uow() as tx:
            use_one_time(tx, token, at=NOW)


def test_the_first_administrator_is_made_once(uow, session):
    told = {"email": "ada@example.org", "name": "Ada", "language": "de", "at": NOW}
    with uow() as tx:
        token = first_run_token(tx, at=NOW)
        assert token is not None
        check_first_run(tx.session, tx.settings, token, at=NOW)
    with pytest.raises(InvalidInput) as error, uow() as tx:
        first_run(tx, token, password="", **told)
    assert "password" in error.value.fields
    with uow() as tx:
        first_run(tx, token, password=GOOD, **told)
    [made] = operators(session)
    assert (made.role, made.language) == (Role.ADMINISTRATOR, "de")
    with pytest.raises(TokenExpired), uow() as tx:
        first_run(tx, token, password=GOOD, **told | {"email": "b@example.org"})
    with uow() as tx:
        assert first_run_token(tx, at=NOW) is None
    assert enter(uow) is not None


def test_the_first_run_ends_after_a_day(uow):
    with uow() as tx:
        token = first_run_token(tx, at=NOW)
        assert token is not None
        with pytest.raises(TokenExpired):
            check_first_run(tx.session, tx.settings, token, at=NOW + timedelta(hours=25))
