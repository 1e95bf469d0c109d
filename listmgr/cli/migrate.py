"""`listmgr migrate`."""

from __future__ import annotations

import click
import sqlalchemy as sa

from listmgr.cli.environment import (
    given_settings,
    refuse_other_installation,
)
from listmgr.kit.errors import first_line
from listmgr.runtime.forked_commands import name_connections
from listmgr.schema import migrate as bring_up_to_date

_ADVICE = (
    "DATABASE_URL belongs to a role that may rewrite the ledger; two roles prevent that"
    " (docs/operating.md, LISTMGR_OWNER_DATABASE_URL)."
)


@click.command
def migrate() -> None:
    """Bring the database to the newest schema; safe to run twice.

    Migrates as the role of LISTMGR_OWNER_DATABASE_URL, if it is set, and gives the role of
    DATABASE_URL the rights of the application.
    """
    name_connections("migrate")
    settings = given_settings()
    owner = settings.owner_database_url or settings.database_url
    try:
        is_open = bring_up_to_date(owner, application_url=settings.database_url)
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        reason = first_line(error)
        raise click.ClickException(f"The database cannot be migrated: {reason}") from None
    refuse_other_installation(settings)
    click.echo("The database is at the newest schema.")
    if is_open:
        click.echo(_ADVICE)
