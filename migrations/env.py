"""Runs migrations one at a time, under a lock, and never waits long for a busy table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from listmgr.kit.db import Base
from listmgr.schema import MIGRATION_LOCK


def include_object(
    thing: object, name: str | None, kind: str, reflected: bool, other: object
) -> bool:
    """Partitions of deliveries are made at launch, not by migrations."""
    return not (kind == "table" and reflected and str(name).startswith("deliveries_"))


def run(connection: sa.Connection) -> None:
    """Upgrade or compare over an open connection, in one transaction."""
    context.configure(
        connection=connection, target_metadata=Base.metadata, include_object=include_object
    )
    with context.begin_transaction():
        connection.execute(sa.text("SET LOCAL lock_timeout = '4s'"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as opened:
        run(opened)
