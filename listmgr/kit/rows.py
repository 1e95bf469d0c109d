"""Statements past the ORM, for pages that everybody may open (decision 0063)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import psycopg
from sqlalchemy.orm import Session

# Runs a statement with psycopg's placeholders, %(name)s, and returns all its rows.
Rows = Callable[[str, Mapping[str, object]], list[tuple[Any, ...]]]


def rows_of(session: Session) -> Rows:
    """Run statements in a session's transaction; what the session holds back is written first."""
    connection = session.connection().connection
    run = rows_on(cast("psycopg.Connection[Any]", connection.driver_connection))

    def run_after_flush(statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        session.flush()
        return run(statement, values)

    return run_after_flush


def rows_on(connection: psycopg.Connection[Any]) -> Rows:
    """Run statements on a connection."""

    def run(statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        return connection.execute(statement.encode(), values).fetchall()

    return run
