"""The application factory: settings in, blueprints registered, nothing done at import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
import redis
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from listmgr import api
from listmgr.config import Settings, load_settings
from listmgr.context import Services
from listmgr.installation.identity import guard, verify_database
from listmgr.installation.journal_writer import JournalWriter
from listmgr.kit.db import check_pooled_connections, db
from listmgr.kit.errors import IdentityError, first_line
from listmgr.kit.mail import make_post
from listmgr.kit.queue import Job, enqueue
from listmgr.kit.rows import Rows, rows_on
from listmgr.kit.transaction import Transaction, transaction
from listmgr.schema import resource
from listmgr.web import (
    compression,
    errors,
    field_labels,
    health,
    language,
    public,
    security,
    static_files,
    studio,
)
from listmgr.web.json_provider import JSONProvider

KEEP = "listmgr-journal"
# By this number of its worker gunicorn knows that starting it again is no use.
BOOT_ERROR = 3


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application for gunicorn, workers and tests; reads the environment by default."""
    if settings is None:
        settings = load_settings()
        app = create_app(settings)
        _check_servers(settings)
        watch_over(app, settings, in_thread=True)
        return app
    app = Flask("listmgr", template_folder=str(resource("templates")))
    host = urlsplit(settings.base_url).hostname or "localhost"
    app.config.update(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": 5,
            "max_overflow": 10,
            # What is bound are people's addresses; an error's text goes to logs and queues.
            "hide_parameters": True,
        },
        TRUSTED_HOSTS=[host, "localhost", "127.0.0.1"],
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https:"),
    )
    app.json = JSONProvider(app)
    db.init_app(app)
    with app.app_context():
        check_pooled_connections(db.engine)
    app.extensions["listmgr"] = services_of(app, settings)
    security.init_app(app, settings)
    language.init_app(app, settings.timezone)
    errors.init_app(app)
    field_labels.init_app(app)
    app.register_blueprint(public.bp)
    studio.init_app(app)
    static_files.init_app(app)
    compression.init_app(app)
    api.init_app(app)
    app.register_blueprint(health.bp)
    return app


def watch_over(app: Flask, settings: Settings, *, in_thread: bool) -> None:
    """Verify each database connection and write the journal after each act.

    A web process writes it in a thread, so that a withdrawal does not wait for two disks.
    """
    with app.app_context():
        keeper = JournalWriter(guard(db.engine, settings), settings)
    app.extensions[KEEP] = keeper.soon if in_thread else keeper.keep


def _check_servers(settings: Settings) -> None:
    """End this process, and gunicorn with it, if a server refuses us or the database is another's.

    A server that is away is reported: pages say so until it is back. No sentence shows a password.
    """
    try:
        verify_database(settings)
    except IdentityError as error:
        _report(str(error), ends=True)
    except sa.exc.DBAPIError as error:
        # The server wanted a password: it was missing or wrong, or there is no such database.
        failed = getattr(error.orig, "pgconn", None)
        is_refused = failed is not None and (failed.needs_password or failed.used_password)
        _report(f"DATABASE_URL: {first_line(error)}", ends=is_refused)
    try:
        with redis.Redis.from_url(
            settings.redis_url, retry=None, socket_connect_timeout=2, socket_timeout=5
        ) as connection:
            connection.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        is_refused = isinstance(error, (redis.AuthenticationError, ValueError))
        _report(f"REDIS_URL: {first_line(error)}", ends=is_refused)


def _report(sentence: str, *, ends: bool) -> None:
    sys.stderr.write(f"Error: {sentence}\n")
    if ends:
        raise SystemExit(BOOT_ERROR)


def services_of(app: Flask, settings: Settings) -> Services:
    """Return what views and jobs of an application use under these settings."""
    # A visitor does not wait for a silent Valkey: the row is written, and the sweep rings.
    connection = redis.Redis.from_url(
        settings.redis_url, socket_connect_timeout=2, socket_timeout=5
    )

    def ring_all(jobs: list[Job]) -> int:
        return enqueue(connection, jobs)

    def opener(**options: bool) -> Callable[[], AbstractContextManager[Transaction]]:
        with app.app_context():
            engine = db.engine.execution_options(**options)
        return lambda: transaction(
            lambda: Session(engine, expire_on_commit=False),
            settings,
            ring_all,
            app.extensions.get(KEEP),
        )

    unit_of_work, reading = opener(), opener(postgresql_readonly=True)

    @contextmanager
    def rows() -> Iterator[Rows]:
        with app.app_context():
            pooled = db.engine.raw_connection()
        try:
            driver = cast("psycopg.Connection[Any]", pooled.driver_connection)
            driver.read_only = True
            try:
                yield rows_on(driver)
            finally:
                driver.rollback()
                driver.read_only = None
        finally:
            pooled.close()

    return Services(settings, connection, make_post(app), unit_of_work, reading, rows)
