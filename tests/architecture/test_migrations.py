"""Migrations go up, down and up again, and say exactly what the models say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command

from listmgr.kit.db import Base
from listmgr.privacy.processing_record import REASONS
from listmgr.runtime.house import House
from listmgr.schema import alembic_config, load_models, migrate


def test_migrations_go_up_down_and_up_and_agree_with_the_models(house: House):
    admin = sa.create_engine(house.database_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS updown"))
        connection.execute(sa.text("CREATE DATABASE updown"))
    admin.dispose()
    url = house.database_url.replace("/listmgr?", "/updown?")
    migrate(url)
    migrate(url)
    migrate(url, "base")
    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    migrate(url)
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)
    engine.dispose()


def test_every_column_says_whether_it_is_personal():
    load_models()
    silent = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if "personal" not in column.info
    ]
    assert silent == []


def test_l34_every_personal_table_says_in_the_record_why_it_is_held():
    """A new one says its reasons in listmgr/privacy/processing_record.py."""
    load_models()
    personal = {
        table.name
        for table in Base.metadata.tables.values()
        if any(column.info["personal"] for column in table.columns)
    }
    assert personal - set(REASONS) == set()
    assert set(REASONS) - personal == set()
