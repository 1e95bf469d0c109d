"""The whole schema: every model loaded, and the migrations that make it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

import listmgr.bulk.models
import listmgr.campaigns.models
import listmgr.cards.models
import listmgr.consent.models
import listmgr.consent.moving_models
import listmgr.delivery.models
import listmgr.exports.models
import listmgr.imports.models
import listmgr.kit.schedule
import listmgr.lists.models
import listmgr.operators.models
import listmgr.privacy.models
import listmgr.segments.models
import listmgr.selections.models
import listmgr.senders.models
import listmgr.subscribers.field_models
import listmgr.subscribers.models
import listmgr.suppression.models  # noqa: F401
from listmgr.kit.resources import resource as resource  # noqa: PLC0414 - exported

if TYPE_CHECKING:
    from alembic.config import Config


def load_models() -> None:
    """Importing this module has loaded every model; calling this says so."""


def alembic_config() -> Config:
    """The configuration of the migrations, wherever listmgr is installed.

    Alembic is loaded where it is used: it is a tenth of what a worker would hold in memory.
    """
    from alembic.config import Config  # noqa: PLC0415

    return Config(str(resource("migrations") / "alembic.ini"))


def migrate(database_url: str, revision: str = "head") -> None:
    """Bring a database to a revision; safe to run twice, and from several hosts at once."""
    from alembic import command  # noqa: PLC0415

    engine = sa.create_engine(database_url)
    config = alembic_config()
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            if revision == "head" or not revision.startswith(("-", "base")):
                command.upgrade(config, revision)
            else:
                command.downgrade(config, revision)
            connection.commit()
    finally:
        engine.dispose()
