"""`listmgr migrate`."""

from __future__ import annotations

import click

from listmgr.cli.given import given_settings
from listmgr.schema import migrate as bring_up_to_date


@click.command
def migrate() -> None:
    """Bring the database to the newest schema; safe to run twice."""
    bring_up_to_date(given_settings().database_url)
    click.echo("The database is at the newest schema.")
