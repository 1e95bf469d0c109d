"""The table of roles: what each may do, and what nobody but the right ones may."""

from listmgr.operators.models import Role
from listmgr.operators.roles import EVERYBODY, RIGHTS, SEEING, Right, may


def test_every_role_has_its_row():
    assert set(RIGHTS) == set(Role)


def test_l37_an_auditor_reads_all_and_changes_nothing():
    assert RIGHTS[Role.AUDITOR] == SEEING | EVERYBODY
    assert {
        right for right in Right if right.name.startswith(("EDIT", "SEND", "PUBLISH"))
    }.isdisjoint(RIGHTS[Role.AUDITOR])


def test_l37_a_marketer_sees_no_person():
    assert not may(Role.MARKETER, Right.SEE_SUBSCRIBERS)
    assert not may(Role.MARKETER, Right.SEE_PROOFS)
    assert may(Role.MARKETER, Right.SEND_CAMPAIGNS)


def test_only_an_administrator_looks_after_accounts():
    assert [role for role in Role if may(role, Right.EDIT_OPERATORS)] == [Role.ADMINISTRATOR]


def test_who_may_write_down_a_withdrawal():
    assert {role for role in Role if may(role, Right.RECORD_WITHDRAWALS)} == {
        Role.SERVICE,
        Role.PRIVACY,
        Role.ADMINISTRATOR,
    }
