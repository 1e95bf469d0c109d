"""Accounts: made, changed, disabled; and never without an administrator."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.operators import passwords
from listmgr.operators.accounts import (
    change_role,
    create_operator,
    disable,
    enable,
    operators,
    set_language,
    set_password,
)
from listmgr.operators.audit import entries, write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import Role
from listmgr.operators.passwords import hashed, is_outdated, matches
from tests.conftest import NOW, PRODUCTS_HASHER, UnitOfWork

GOOD = "correct horse battery"


def add(uow: UnitOfWork, email: str = "ada@example.org", role: str = "administrator", **more):
    with uow() as tx:
        return create_operator(tx, email=email, name="Ada", role=role, at=NOW, **more)


def test_an_account_keeps_a_hash_and_an_address_in_one_form(uow):
    made = add(uow, " Ada@Example.ORG ", password=GOOD)
    assert made.email == "ada@example.org"
    assert made.password_hash.startswith("$argon2id$")
    assert GOOD not in made.password_hash
    assert matches(made.password_hash, GOOD)


def test_a_hash_costs_whoever_guesses_what_rfc_9106_asks_for(monkeypatch):
    cheap = hashed(GOOD)
    monkeypatch.setattr(passwords, "_hasher", PRODUCTS_HASHER)
    kept = hashed(GOOD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert matches(kept, GOOD)
    assert not matches(kept, GOOD + "!")
    assert not is_outdated(kept)
    assert is_outdated(cheap)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a\0b@example.org"}, "email"),
        ({"name": "  "}, "name"),
        ({"name": "A\r\nBcc: x"}, "name"),
        ({"name": "x" * 1_000_000}, "name"),
        ({"role": "root"}, "role"),
        ({"password": "short"}, "password"),
        ({"password": "a" * 40}, "password"),
        ({"password": "ab12" * 500}, "password"),
    ],
)
def test_bad_input_is_told_field_by_field(uow, changes, field):
    told = {"email": "a@example.org", "name": "Ada", "role": "sales", "password": GOOD, **changes}
    with pytest.raises(InvalidInput) as error, uow() as tx:
        create_operator(tx, at=NOW, **told)
    assert set(error.value.fields) == {field}


def test_one_address_one_account(uow):
    add(uow)
    with pytest.raises(InvalidInput) as error:
        add(uow, "ADA@example.org")
    assert "email" in error.value.fields


def test_a_new_role_ends_the_sessions(uow, session):
    add(uow)
    made = add(uow, "b@example.org", "sales")
    with uow() as tx:
        change_role(tx, made.id, "marketer")
    with uow() as tx:
        change_role(tx, made.id, "marketer")
    [_, now_marketer] = sorted(operators(session), key=lambda found: found.id)
    assert (now_marketer.role, now_marketer.session_version) == (Role.MARKETER, 2)
    with pytest.raises(InvalidInput), uow() as tx:
        change_role(tx, made.id, "root")


def test_the_last_administrator_stays(uow):
    first = add(uow)
    with pytest.raises(Refused), uow() as tx:
        disable(tx, first.id, at=NOW)
    with pytest.raises(Refused), uow() as tx:
        change_role(tx, first.id, "auditor")
    second = add(uow, "b@example.org")
    with uow() as tx:
        assert disable(tx, first.id, at=NOW).session_version == 2
    with pytest.raises(Refused), uow() as tx:
        disable(tx, second.id, at=NOW)
    with uow() as tx:
        assert enable(tx, first.id).disabled_at is None


def test_two_administrators_who_disable_each_other_leave_one(uow, session):
    pair = [add(uow).id, add(uow, "b@example.org").id]
    start = threading.Barrier(2)
    refused = []

    def act(whom: int) -> None:
        start.wait()
        try:
            with uow() as tx:
                disable(tx, whom, at=NOW)
        except Refused:
            refused.append(whom)

    threads = [threading.Thread(target=act, args=(whom,)) for whom in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert sum(found.disabled_at is None for found in operators(session)) == 1


def test_a_password_is_changed_by_who_knows_it(uow):
    made = add(uow, password=GOOD)
    with pytest.raises(InvalidInput) as error, uow() as tx:
        set_password(tx, made.id, password="short", current="wrong")
    assert set(error.value.fields) == {"current", "password"}
    with uow() as tx:
        changed = set_password(tx, made.id, password="another good one", current=GOOD)
    assert matches(changed.password_hash, "another good one")
    assert changed.session_version == 2
    with uow() as tx:
        set_password(tx, made.id, password="by a one-time link", current=None)


def test_language(uow):
    made = add(uow)
    with uow() as tx:
        assert set_language(tx, made.id, "de").language == "de"
    with pytest.raises(InvalidInput), uow() as tx:
        set_language(tx, made.id, "xx")
    with pytest.raises(NotFound), uow() as tx:
        set_language(tx, 99, "de")


def test_the_audit_log_tells_newest_first_and_cannot_be_rewritten(uow, session, superuser):
    made = add(uow)
    with uow() as tx:
        for number in range(3):
            write_audit_entry(tx, made.id, AuditAction.LIST_EDITED, number, {"n": number}, at=NOW)
        write_audit_entry(tx, None, AuditAction.SIGN_IN_REFUSED, at=NOW)
    rows = entries(session)
    assert [row.entry.subject_id for row in rows] == [None, 2, 1, 0]
    assert [row.operator for row in rows] == ["", "Ada", "Ada", "Ada"]
    assert [row.entry.id for row in entries(session, before=rows[1].entry.id)] == [2, 1]
    assert len(entries(session, operator_id=made.id, limit=2)) == 2
    for statement in ("UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"):
        with pytest.raises(sa.exc.IntegrityError), superuser.begin() as connection:
            connection.execute(sa.text(statement))
