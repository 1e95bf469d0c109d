"""Permissions of the application's database role on each table, if another role owns them.

Tables not listed may be read, written and deleted from. Nothing may be altered, truncated or
dropped: only the owner may. Rows that must survive an intruder with the application's permissions
cannot be deleted, and only the columns the program changes can be updated. Beyond that the program
uses the owner's functions (`migrations/versions/0043_owner_role.py`), which check each request.
"""

from __future__ import annotations

import sqlalchemy as sa

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_APPEND_ONLY = "SELECT, INSERT"
RIGHTS = {
    "alembic_version": "SELECT",
    "audit_entries": _APPEND_ONLY,
    "campaign_contents": _APPEND_ONLY,
    "consent_events": _APPEND_ONLY,
    "consent_evidence": _APPEND_ONLY,
    "consents": (
        "SELECT, INSERT, UPDATE (subscriber_id, status, version, asked_at, confirmed_at, ended_at,"
        " expires_at, last_used_at)"
    ),
    "deliveries": "SELECT, INSERT, UPDATE",
    "erasure_journal": _APPEND_ONLY,
    "ledger_anchors": _APPEND_ONLY,
    "notices": _APPEND_ONLY,
    # A block is lifted, and changed in no other way.
    "suppressions": "SELECT, INSERT, UPDATE (lifted_at, lifted_by_consent_id)",
}

_OURS = "n.oid = current_schema()::regnamespace"
# Partitions of deliveries are written to by their own names.
_TABLES = sa.text(
    "SELECT c.relname AS name, c.relispartition AS is_partition,"
    " c.relispartition AND has_table_privilege(:role, c.oid, 'SELECT') AS is_granted"
    f" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {_OURS}"
    " WHERE c.relkind IN ('r', 'p') ORDER BY 1"
)
_FUNCTIONS = sa.text(
    "SELECT f.oid::regprocedure::text"
    f" FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace AND {_OURS}"
    " WHERE f.prosecdef AND f.prorettype <> 'trigger'::regtype ORDER BY 1"
)


def grant_rights(connection: sa.Connection, role: str) -> None:
    """Grant a role what the application needs and revoke the rest."""
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
    statements = [f"GRANT USAGE ON SCHEMA {schema} TO {quoted}"]
    for table in connection.execute(_TABLES, {"role": role}):
        if table.is_granted:
            continue
        rights = RIGHTS["deliveries"] if table.is_partition else RIGHTS.get(table.name, EVERYTHING)
        name = connection.dialect.identifier_preparer.quote_identifier(table.name)
        statements += [
            f"REVOKE ALL ON {name} FROM {quoted}",
            f"GRANT {rights} ON {name} TO {quoted}",
        ]
    for function in connection.scalars(_FUNCTIONS):
        statements.append(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")
    for statement in statements:
        connection.exec_driver_sql(statement)


def can_rewrite_ledger(connection: sa.Connection, role: str) -> bool:
    """Whether a role may change existing events: as owner, member of the owner, or superuser."""
    asked = sa.text("SELECT has_table_privilege(:role, 'consent_events', 'UPDATE, DELETE')")
    return bool(connection.scalar(asked, {"role": role}))
