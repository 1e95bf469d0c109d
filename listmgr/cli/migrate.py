"""`listmgr migrate`."""

from __future__ import annotations

import click
import sqlalchemy as sa

from listmgr.cli.environment import (
    given_settings,
    refuse_other_installation,
)
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
    settings = given_settings()
    owner = settings.owner_database_url or settings.database_url
    try:
        is_open = bring_up_to_date(owner, application_url=settings.database_url)
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        # The driver's own words tell host, port and role, and no password.
        lines = str(error.orig).splitlines() or [type(error).__name__]
        raise click.ClickException(f"The database cannot be migrated: {lines[0]}") from None
    refuse_other_installation(settings)
    click.echo("The database is at the newest schema.")
    if is_open:
        click.echo(_ADVICE)
