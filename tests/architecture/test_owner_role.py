"""What the application's own role may not do, whoever got hold of its connection (security)."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.errors import InsufficientPrivilege, IntegrityConstraintViolation
from sqlalchemy.exc import DBAPIError

from listmgr.consent.anchor import anchor
from listmgr.grants import RIGHTS
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.privacy.erasure import erase_person, write_down
from listmgr.runtime.servers import EmbeddedServers
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
)

PROTECTED = sorted(set(RIGHTS) - {"alembic_version", "deliveries", "campaign_contents"})
ACTS = {
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table} CASCADE",
    "alter": "ALTER TABLE {table} ADD COLUMN more text",
    "drop": "DROP TABLE {table} CASCADE",
    "disable triggers": "ALTER TABLE {table} DISABLE TRIGGER USER",
    "disable all triggers": "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "own": "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "rule": "CREATE RULE nothing AS ON INSERT TO {table} DO INSTEAD NOTHING",
}
UPDATES = {
    "audit_entries": "details = '{}'",
    "consent_events": "actor = 'system'",
    "consent_evidence": "content = '{}'",
    "consents": "captured_at = now()",
    "erasure_journal": "erased_at = now()",
    "ledger_anchors": "events = 0",
    "notices": "words = 'x'",
    "suppressions": "reason = 'bounced'",
}
# The switch that opened the ledger until now, and others one might try.
SWITCHES = ("SET LOCAL listmgr.retention = 'on'", "SET LOCAL listmgr.bulk = 'on'")


@pytest.fixture
def rows(uow, session) -> dict[str, int]:
    """A row in each of the protected tables; how many there are."""
    with uow() as tx:
        notice = make_list(tx)[2]
        make_confirmed(tx, "anna@example.org", notice, NOW)
        suppress(tx, b"x" * 32, SuppressionReason.OBJECTED, at=NOW)
        write_down(tx, [(b"y" * 32, None)], at=NOW)
        write_audit_entry(tx, None, AuditAction.SIGN_IN_SUCCEEDED, at=NOW)
    assert anchor(uow, at=NOW) > 0
    found = {table: session.scalar(sa.text(f"SELECT count(*) FROM {table}")) for table in PROTECTED}
    assert all(found.values()), found
    session.rollback()
    return found


def refused(
    engine: sa.Engine, *statements: str, kind: type[Exception] | tuple[type[Exception], ...]
) -> None:
    """The last of the statements is refused with an error of a kind."""
    with engine.connect() as connection, connection.begin():
        for before in statements[:-1]:
            connection.execute(sa.text(before))
        with pytest.raises(DBAPIError) as raised:
            connection.execute(sa.text(statements[-1]))
        assert isinstance(raised.value.orig, kind), raised.value


@pytest.mark.parametrize("act", ACTS)
def test_s05_the_application_cannot_take_out_nor_alter(engine, rows, act):
    for table in PROTECTED:
        refused(engine, *SWITCHES, ACTS[act].format(table=table), kind=InsufficientPrivilege)


def test_s05_the_application_cannot_rewrite(engine, rows):
    for table in PROTECTED:
        statement = f"UPDATE {table} SET {UPDATES[table]}"
        refused(engine, *SWITCHES, statement, kind=InsufficientPrivilege)


def test_s05_nobody_empties_a_protected_table(superuser, rows):
    for table in PROTECTED:
        statement = f"TRUNCATE {table} CASCADE"
        refused(superuser, *SWITCHES, statement, kind=IntegrityConstraintViolation)


def test_s05_whoever_may_delete_is_held_by_the_triggers(superuser, rows):
    kind = (IntegrityConstraintViolation, psycopg.errors.ForeignKeyViolation)
    for table in set(PROTECTED) - {"erasure_journal"}:
        refused(superuser, *SWITCHES, f"DELETE FROM {table}", kind=kind)


def _triggers(engine: sa.Engine) -> list[tuple[str, str]]:
    query = (
        "SELECT tgname, tgrelid::regclass::text FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
        " WHERE NOT tgisinternal AND c.relnamespace = 'public'::regnamespace"
    )
    with engine.connect() as connection:
        return [(row[0], row[1]) for row in connection.execute(sa.text(query))]


def test_s05_the_application_drops_no_trigger_and_changes_no_function(engine):
    triggers = _triggers(engine)
    assert len(triggers) > 20
    for name, table in triggers:
        for statement in (
            f"DROP TRIGGER {name} ON {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER {name}",
        ):
            refused(engine, statement, kind=InsufficientPrivilege)
    for function in ("append_only", "consents_walk", "consents_in_ledger", "erase_evidence"):
        refused(engine, f"DROP FUNCTION {function} CASCADE", kind=InsufficientPrivilege)
        refused(engine, f"ALTER FUNCTION {function} RESET ALL", kind=InsufficientPrivilege)


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "CREATE TEMP TABLE out (line text); COPY out FROM PROGRAM 'id'",
        "COPY (SELECT 1) TO '/tmp/listmgr-s05'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE more (id int)",
        "CREATE SCHEMA more",
        "CREATE ROLE more SUPERUSER",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER SYSTEM SET fsync = off",
        "ALTER DATABASE listmgr SET session_replication_role = replica",
        "SET ROLE listmgr",
        "SET ROLE listmgr_owner",
        "SET SESSION AUTHORIZATION listmgr",
        "GRANT listmgr_owner TO listmgr_app",
        "UPDATE pg_class SET relowner = 0",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_s05_the_application_cannot_become_more(engine, statement):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # A temporary table would stay with the connection.
        connection.detach()
        with pytest.raises(DBAPIError) as raised:
            for part in statement.split("; "):
                connection.execute(sa.text(part))
        assert isinstance(raised.value.orig, InsufficientPrivilege), raised.value


def test_s05_the_application_is_no_superuser_and_owns_nothing(engine, house: EmbeddedServers):
    told = (
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication"
        " FROM pg_roles WHERE rolname = current_user"
    )
    owned = (
        "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        " AND relnamespace = 'public'::regnamespace"
    )
    member = (
        "SELECT count(*) FROM pg_roles WHERE rolname <> current_user"
        " AND pg_has_role(rolname, 'member')"
    )
    with engine.connect() as connection:
        assert connection.scalar(sa.text(told)) is False
        assert connection.scalar(sa.text(owned)) == 0
        assert connection.scalar(sa.text(member)) == 0
    assert house.database_url != house.owner_url != house.superuser_url


def test_s05_a_temporary_table_of_the_same_name_deceives_no_trigger(engine, rows):
    with engine.connect() as connection, connection.begin():
        connection.execute(
            sa.text("CREATE TEMP TABLE consent_events AS SELECT * FROM public.consent_events")
        )
        connection.execute(
            sa.text("UPDATE consent_events SET status = 'withdrawn' WHERE status = 'confirmed'")
        )
        connection.execute(sa.text("UPDATE public.consents SET status = 'withdrawn'"))
        with pytest.raises(DBAPIError, match="ledger does not tell"):
            connection.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))


def test_s05_a_block_is_lifted_by_nobody_but_the_person(engine, rows):
    statement = "UPDATE suppressions SET lifted_at = now(), lifted_by_consent_id = 1"
    refused(engine, statement, kind=IntegrityConstraintViolation)


def test_s05_evidence_goes_only_with_the_person_or_with_the_time(engine, uow, rows, session):
    statement = "SELECT erase_evidence(ARRAY(SELECT id FROM consents))"
    refused(engine, statement, kind=IntegrityConstraintViolation)
    with uow() as tx:
        person = tx.session.scalar(sa.text("SELECT subscriber_id FROM consents"))
        erase_person(tx, person, actor="system", at=NOW)
    assert session.scalar(sa.text("SELECT count(*) FROM consent_evidence")) == 0
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def test_s05_only_what_may_go_goes_by_the_owners_functions(engine, uow):
    with uow() as tx:
        make_pending(tx, "anna@example.org", make_list(tx)[2], NOW)
    for act in ("create", "drop"):
        statement = f"SELECT {act}_delivery_partition(4711)"
        refused(engine, statement, kind=IntegrityConstraintViolation)


@pytest.fixture
def functions(superuser) -> Iterator[list[sa.Row]]:
    query = (
        "SELECT oid::regprocedure::text AS name, prosecdef AS definer,"
        " prorettype = 'trigger'::regtype AS is_trigger, proconfig AS settings,"
        " has_function_privilege('public', oid, 'EXECUTE') AS for_all"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    with superuser.connect() as connection:
        yield list(connection.execute(sa.text(query)))


def test_s05_functions_with_the_owners_rights_look_nowhere_else_and_are_not_for_all(functions):
    definers = [one for one in functions if one.definer]
    assert len(definers) >= 6
    for one in functions:
        if one.definer or one.is_trigger:
            assert "search_path=public, pg_temp" in (one.settings or []), one.name
    assert [one.name for one in definers if one.for_all] == []


def test_s05_every_table_is_granted_and_none_is_the_applications(engine, superuser):
    query = (
        "SELECT relname, has_table_privilege('listmgr_app', oid, 'SELECT'),"
        " has_table_privilege('listmgr_app', oid, 'TRUNCATE, REFERENCES, TRIGGER'),"
        " pg_get_userbyid(relowner) FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    with superuser.connect() as connection:
        tables = connection.execute(sa.text(query)).all()
    assert len(tables) > 30
    for table, is_read, is_more, owner in tables:
        assert (is_read, is_more, owner) == (True, False, "listmgr_owner"), table
