"""The declarative base of all tables, and the engine of the process."""

from __future__ import annotations

import enum
import select
import time
from datetime import datetime
from typing import Any, ClassVar

import psycopg
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

from listmgr.kit import clock

CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

# Every column says whether it tells something about a person: a guard test reads these.
PERSONAL: dict[str, Any] = {"personal": True}
PLAIN: dict[str, Any] = {"personal": False}


class Base(DeclarativeBase):
    """Base of plain declarative classes: no Flask in a model, strict mypy without plugins."""

    metadata = sa.MetaData(naming_convention=CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: sa.BigInteger(),
        str: sa.Text(),
        datetime: sa.DateTime(timezone=True),
        bytes: sa.LargeBinary(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(sa.Text()),
        # Stored by value, not by name, and checked by the database.
        enum.Enum: sa.Enum(
            enum.Enum,
            values_callable=lambda members: [member.value for member in members],
            native_enum=False,
            length=32,
        ),
    }


db = SQLAlchemy(metadata=Base.metadata)


# In DATABASE_URL, for a pooler such as PgBouncer that gives each transaction another connection:
# what one has prepared is not there in the next.
PREPARE_THRESHOLD = "prepare_threshold"


@sa.event.listens_for(sa.Engine, "do_connect")
def _connect(
    _dialect: object, _record: object, _arguments: list[Any], parameters: dict[str, Any]
) -> None:
    """Convert psycopg's own setting, which libpq does not know, to a number or None."""
    written = parameters.get(PREPARE_THRESHOLD)
    if isinstance(written, str):
        parameters[PREPARE_THRESHOLD] = int(written) if written.isdecimal() else None


@sa.event.listens_for(sa.Engine, "connect")
def _follow_clock(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's own type
    """Take the time from the database: hosts' clocks may differ by days."""
    before = connection.autocommit
    try:
        connection.autocommit = True  # one round trip, where a transaction would take three
        clock.follow(connection.execute("SELECT clock_timestamp()").fetchone()[0])
        connection.autocommit = before
    except Exception:
        # SQLAlchemy would leave it open.
        connection.close()
        raise


# Seconds after which a network may have forgotten a connection without telling either end.
LONG_IDLE = 30.0


def check_pooled_connections(engine: sa.Engine) -> None:
    """Replace pooled connections that PostgreSQL has closed, without a round trip for the others.

    SQLAlchemy's own `pool_pre_ping` queries the server at each checkout. A server that ends a
    connection says so on its socket, so only one with data to read, or idle for long, is queried.
    """

    @sa.event.listens_for(engine, "checkin")
    def _note_use(_connection: object, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own type
        record.info["used_at"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def _verify(connection: Any, record: Any, _proxy: object) -> None:  # noqa: ANN401
        idle = time.monotonic() - record.info.get("used_at", time.monotonic())
        if idle < LONG_IDLE and not _has_something_to_read(connection.fileno()):
            return
        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except psycopg.Error as error:
            raise sa.exc.DisconnectionError from error


def _has_something_to_read(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def libpq_url(url: str) -> str:
    """Return a database URL as libpq reads it: without driver name and driver settings."""
    parsed = sa.make_url(url).difference_update_query([PREPARE_THRESHOLD])
    return parsed.set(drivername="postgresql").render_as_string(hide_password=False)
