"""The settings of a command, and a transaction on the configured servers."""

from __future__ import annotations

from contextlib import AbstractContextManager

import click
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings, SettingsError, load_settings
from listmgr.installation.identity import verify_database
from listmgr.installation.journal_writer import JournalWriter
from listmgr.kit.errors import IdentityError, first_line
from listmgr.kit.queue import enqueue
from listmgr.kit.transaction import Transaction, transaction


def given_settings(*, checked: bool = True) -> Settings:
    """The settings of a command that needs both servers, and whose database is ours.

    A database that does not answer is no reason to refuse: it is looked at when it does.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    if not settings.database_url or not settings.redis_url:
        raise click.ClickException(
            "DATABASE_URL and REDIS_URL are not set. Set both, or use `listmgr up`, which brings "
            "its own PostgreSQL and Valkey."
        )
    if checked:
        refuse_other_installation(settings)
    return settings


def refuse_other_installation(settings: Settings) -> None:
    """Raise ClickException if keys or data directory belong to another installation."""
    try:
        verify_database(settings)
    except IdentityError as error:
        raise click.ClickException(str(error)) from None
    except sa.exc.DBAPIError:
        return


def one_transaction(settings: Settings) -> AbstractContextManager[Transaction]:
    """Return one unit of work; its jobs are queued after the commit."""
    engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)
    connection = redis.Redis.from_url(settings.redis_url)
    return transaction(
        lambda: Session(engine),
        settings,
        lambda jobs: enqueue(connection, jobs),
        JournalWriter(engine, settings).keep,
    )


def given_servers() -> Settings:
    """Return the settings of a long-running process once both servers have answered, or fail with
    one sentence.

    The sentence never shows a URL, which contains a password.
    """
    settings = given_settings()
    try:
        engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)
        engine.connect().close()
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        raise click.ClickException(f"DATABASE_URL: {first_line(error)}") from None
    try:
        with redis.Redis.from_url(settings.redis_url, retry=None) as connection:
            connection.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise click.ClickException(f"REDIS_URL: {first_line(error)}") from None
    return settings
