"""`listmgr installation`: which installation this is, and what a restore or lost keys ask for."""

from __future__ import annotations

from pathlib import Path

import click
import sqlalchemy as sa

from listmgr.cli.environment import (
    given_settings,
    one_transaction,
)
from listmgr.installation.adopt import adopt
from listmgr.installation.hold import go_on
from listmgr.installation.journal_writer import JournalWriter
from listmgr.installation.replay import journals, replay_files
from listmgr.kit.clock import now
from listmgr.kit.installation_state import Installation


@click.group
def installation() -> None:
    """See which installation this is; bring it back after a restore."""


@installation.command("show")
def installation_show() -> None:
    """Say which installation this is, and whether mail may go."""
    settings = given_settings()
    with one_transaction(settings) as tx:
        row = tx.session.scalars(sa.select(Installation)).one()
        lines = [
            ("Installation", row.id),
            ("Since", f"{row.created_at:%Y-%m-%d %H:%M} UTC"),
            ("Data", str(settings.data_dir)),
            ("Mail", "may go"),
        ]
        if row.held_at is not None and row.held_because is not None:
            lines[-1] = ("Mail", f"held since {row.held_at:%Y-%m-%d %H:%M} UTC: {row.held_because}")
            lines.append(("Journal", f"{row.replayed} acts done again"))
    click.echo("\n".join(f"{name:<13} {value}" for name, value in lines))


@installation.command("replay")
@click.argument(
    "files",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
def installation_replay(files: tuple[Path, ...]) -> None:
    """Do again what the journals FILES tell: withdrawals, objections, restrictions, erasures.

    Without FILES those in the data directory, which is also done by itself after a restore. Give
    the journals of other hosts. Safe to run twice.
    """
    settings = given_settings()
    paths = list(files) or journals(settings.data_dir)
    try:
        replayed = replay_files(lambda: one_transaction(settings), paths)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Acts in the journals: {replayed.acts}; done again: {replayed.done_again}")
    if replayed.damaged:
        click.echo(f"Lines that cannot be read and were passed over: {replayed.damaged}")


@installation.command("keep-journal")
def installation_keep_journal() -> None:
    """Copy to the journal in the data directory what it lacks; the scheduler does so by itself."""
    settings = given_settings()
    engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)
    click.echo(f"Acts added to the journal: {JournalWriter(engine, settings).keep()}")


@installation.command("go-on")
def installation_go_on() -> None:
    """Let mail go again after a restore; campaigns stay paused until each is resumed."""
    with one_transaction(given_settings()) as tx:
        released = go_on(tx, None, at=now())
    click.echo("Mail may go again." if released else "Mail was not held.")


@installation.command("adopt")
@click.confirmation_option(
    prompt="Links in mails already sent will not open any more, and blocks of people who are not"
    " subscribers are lost. Are the old keys lost for good?"
)
def installation_adopt() -> None:
    """Make this host's keys and data directory the installation's, whose own are lost for good."""
    adopted = adopt(given_settings(checked=False))
    click.echo(
        "This host's keys are the installation's now. Mail is held until you say"
        " `listmgr installation go-on` or press the button on the overview."
        if adopted
        else "This database has no installation yet; it begins with the first start."
    )
