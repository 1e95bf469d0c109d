"""Frequent statements without the ORM (decisions 0063 and 0078)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

# Runs a statement with psycopg's placeholders, %(name)s, and returns all its rows.
Rows = Callable[[str, Mapping[str, object]], list[tuple[Any, ...]]]


def rows_of(session: Session) -> Rows:
    """Run statements in a session's transaction after flushing the session."""
    run = rows_unflushed(session)

    def run_after_flush(statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        session.flush()
        return run(statement, values)

    return run_after_flush


def rows_unflushed(session: Session) -> Rows:
    """Run statements in a session's transaction without flushing it.

    Raises SQLAlchemy's errors, as the session does.
    """
    connection = session.connection().connection
    run = rows_on(cast("psycopg.Connection[Any]", connection.driver_connection))

    def run_in_session(statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        try:
            return run(statement, values)
        except psycopg.Error as error:
            # What is bound are people's data: it is left out, as the engine does.
            raise DBAPIError.instance(
                statement, None, error, psycopg.Error, hide_parameters=True
            ) from error

    return run_in_session


def rows_on(connection: psycopg.Connection[Any]) -> Rows:
    """Run statements on a connection."""

    def run(statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        return connection.execute(statement.encode(), values).fetchall()

    return run
