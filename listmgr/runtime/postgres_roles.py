"""Roles of the embedded PostgreSQL: superuser, owner, application; peer authentication, no
passwords.

The kernel tells PostgreSQL which account is at the other end of its socket (`peer`), so there is no
password that could leak.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from listmgr.runtime.accounts import PROGRAMS, unprivileged
from listmgr.runtime.data_folder import write_private

DATABASE = "listmgr"
# The cluster's first role cannot be less than a superuser; those of earlier versions have this one.
SUPERUSER = "listmgr"
OWNER = "listmgr_owner"
APPLICATION = "listmgr_app"

Connect = Callable[[str], psycopg.Connection]

_ACCESS = f"""# Written by listmgr at each start.
local all {SUPERUSER},{OWNER} peer map=listmgr
local {DATABASE} {APPLICATION} peer map=listmgr
"""


def write_access(data: Path) -> None:
    """Write which account may connect as which role; all else is refused."""
    ourselves = pwd.getpwuid(os.geteuid()).pw_name
    peers = [(ourselves, role) for role in (SUPERUSER, OWNER, APPLICATION)]
    programs = unprivileged(PROGRAMS)
    if programs is not None:
        peers.append((programs.pw_name, APPLICATION))
    write_private(data / "pg_hba.conf", _ACCESS)
    write_private(
        data / "pg_ident.conf",
        "# Written by listmgr at each start.\n"
        + "".join(f'listmgr "{account}" {role}\n' for account, role in peers),
    )


def prepare(connect: Connect) -> None:
    """Create the roles and the database, and give the owner what an earlier superuser owned.

    Safe to run at each start, and after an interrupted one.
    """
    with connect("postgres") as connection:
        connection.autocommit = True
        _make_roles(connection)
        database = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
        if database.fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        connection.execute(f"ALTER DATABASE {DATABASE} OWNER TO {OWNER}")
        connection.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
        connection.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APPLICATION}")
    with connect(DATABASE) as connection:
        connection.autocommit = True
        # One at a time: each holds locks on a table and all its indexes.
        for statement in connection.execute(_TO_HAND_OVER).fetchall():
            connection.execute(sql.SQL(statement[0]))


def _make_roles(connection: psycopg.Connection) -> None:
    for role in (OWNER, APPLICATION):
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).rowcount == 0:
            connection.execute(f"CREATE ROLE {role} LOGIN")


# Indexes, identity sequences and TOAST tables follow their table.
_TO_HAND_OVER = f"""
SELECT format('ALTER TABLE %s OWNER TO {OWNER}', oid::regclass) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND relowner <> '{OWNER}'::regrole
UNION ALL
SELECT format('ALTER FUNCTION %s OWNER TO {OWNER}', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner <> '{OWNER}'::regrole
"""
