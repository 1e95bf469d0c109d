"""D10: ready is who has a database of this installation, at a schema the program can work with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
import sqlalchemy as sa

from listmgr.app import watch_over
from listmgr.kit.db import db
from listmgr.kit.errors import IdentityError
from listmgr.schema import migrate
from tests.architecture.test_migrations import fresh


@pytest.fixture
def url(house) -> str:
    return fresh(house, "health")


@pytest.fixture
def web(app_with, settings, url: str) -> Callable[..., tuple[int, str]]:
    """What /health/ready says under settings."""

    def ready(**changes: object) -> tuple[int, str]:
        told = replace(settings, database_url=url, **changes)
        app = app_with(told)
        watch_over(app, told, in_thread=True)
        with suppress(IdentityError, sa.exc.DBAPIError), app.app_context():
            db.engine.connect().close()
        answer = app.test_client().get("/health/ready")
        return answer.status_code, answer.text

    return ready


def set_revision(url: str, revision: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()


def test_d10_an_empty_or_older_database_is_not_ready(web, url):
    assert web() == (503, "not ready: the database needs `listmgr migrate`")
    migrate(url, "0031")
    assert web()[0] == 503
    migrate(url)
    assert web() == (200, "ok")
    # During an upgrade the schema may be newer than the program.
    set_revision(url, "9999")
    assert web() == (200, "ok")


def test_d10_a_database_of_another_installation_is_not_ready(web, url):
    migrate(url)
    assert web() == (200, "ok")
    assert web(suppression_key=b"another") == (
        503,
        "not ready: the database is of another installation",
    )


def test_d10_a_database_that_is_away_is_not_ready(app_with):
    app = app_with(database_url="postgresql+psycopg://127.0.0.1:1/none")
    assert app.test_client().get("/health/ready").status_code == 503
    assert app.test_client().get("/health/live").text == "ok"
