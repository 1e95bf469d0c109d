"""Connections of the pool: replaced when PostgreSQL has closed them, else used as they are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from listmgr.kit import db


@pytest.fixture
def pooled(engine: sa.Engine) -> Iterator[sa.Engine]:
    own = sa.create_engine(engine.url, pool_size=3)
    db.check_pooled_connections(own)
    yield own
    own.dispose()


def backend(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.text("SELECT pg_backend_pid()")))


def test_a_connection_that_postgresql_closed_is_replaced(pooled, superuser):
    first = backend(pooled)
    assert backend(pooled) == first
    with superuser.begin() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": first})
    assert backend(pooled) != first


def test_all_connections_are_replaced_after_a_restart(pooled, superuser):
    held = [pooled.connect() for _ in range(3)]
    pids = {connection.scalar(sa.text("SELECT pg_backend_pid()")) for connection in held}
    for connection in held:
        connection.close()
    with superuser.begin() as connection:
        for pid in pids:
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    held = [pooled.connect() for _ in range(3)]
    try:
        again = {connection.scalar(sa.text("SELECT pg_backend_pid()")) for connection in held}
    finally:
        for connection in held:
            connection.close()
    assert len(again) == 3
    assert again & pids == set()


@pytest.mark.parametrize(("idle", "asked"), [(0, False), (db.LONG_IDLE + 1, True)])
def test_only_a_connection_that_was_idle_for_long_is_asked(
    pooled, superuser, monkeypatch, idle, asked
):
    pid = backend(pooled)

    def last_statement() -> object:
        with superuser.connect() as connection:
            return connection.scalar(
                sa.text("SELECT state_change FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}
            )

    before, began = last_statement(), time.monotonic()
    monkeypatch.setattr(db.time, "monotonic", lambda: began + idle)
    pooled.raw_connection().close()
    assert (last_statement() != before) is asked
