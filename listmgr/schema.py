"""The database schema: loads every model, and runs the migrations."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa

import listmgr.bulk.models
import listmgr.campaigns.models
import listmgr.cards.models
import listmgr.consent.change_address_models
import listmgr.consent.models
import listmgr.delivery.models
import listmgr.exports.models
import listmgr.imports.models
import listmgr.kit.installation_state
import listmgr.kit.journal_models
import listmgr.lists.models
import listmgr.operators.models
import listmgr.privacy.models
import listmgr.scheduler_models
import listmgr.segments.models
import listmgr.selections.models
import listmgr.senders.models
import listmgr.subscribers.field_models
import listmgr.subscribers.models
import listmgr.suppression.models  # noqa: F401
from listmgr.grants import can_rewrite_ledger, grant_rights
from listmgr.kit.paths import resource as resource  # noqa: PLC0414 - exported

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATION_LOCK = 0x6C6D6772  # "lmgr": one migration at a time over all hosts.


_REVISION = re.compile(r'^(down_revision|revision)\b.*?= "(\w+)"', re.MULTILINE)


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """Return the newest revision and the ones before it, without loading Alembic."""
    own, before = set(), set()
    for path in (resource("migrations") / "versions").glob("*.py"):
        header = dict(_REVISION.findall(path.read_text()))
        own.add(header["revision"])
        before.add(header.get("down_revision", ""))
    (newest,) = own - before
    return newest, frozenset(own - {newest})


def is_migrated(connection: psycopg.Connection) -> bool:
    """Whether the database has this program's schema, or a newer one during an upgrade.

    Only revisions before the newest are known to be too old.
    """
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    return row is not None and row[0] not in _revisions()[1]


def alembic_config() -> Config:
    """Return the configuration of the migrations, wherever listmgr is installed.

    Alembic is loaded only here: it is a tenth of a worker's memory.
    """
    from alembic.config import Config  # noqa: PLC0415

    return Config(str(resource("migrations") / "alembic.ini"))


def migrate(owner_url: str, revision: str = "head", *, application_url: str = "") -> bool:
    """Migrate a database to a revision; safe to run twice, and from several hosts at once.

    If the application connects as another role than the tables' owner, that role gets its
    permissions. Returns whether the application may rewrite the ledger, because it is the owner, a
    member of it, or superuser.
    """
    from alembic import command  # noqa: PLC0415

    engine = sa.create_engine(owner_url)
    config = alembic_config()
    try:
        role = _role(application_url or owner_url)
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            if revision != "head" and revision.startswith(("-", "base")):
                command.downgrade(config, revision)
                connection.commit()
                return False
            command.upgrade(config, revision)
            connection.commit()
            return _give(connection, role)
    finally:
        engine.dispose()


def _role(url: str) -> str:
    """Return the role a URL connects as; asked, since a proxy or service file may decide it."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return str(connection.scalar(sa.text("SELECT current_user")))


def _give(connection: sa.Connection, role: str) -> bool:
    if connection.scalar(sa.text("SELECT current_user")) != role:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        grant_rights(connection, role)
        connection.commit()
    return can_rewrite_ledger(connection, role)
