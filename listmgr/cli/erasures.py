"""`listmgr erasures`: after a restored backup, erase again whom it has brought back (T-25)."""

from __future__ import annotations

from pathlib import Path

import click

from listmgr.cli.given import given_settings, one_transaction
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.privacy import journal

BATCH = 1000


@click.group
def erasures() -> None:
    """Keep the journal of erasures, and replay it after a backup was restored."""


@erasures.command("keep")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def erasures_keep(file: Path | None) -> None:
    """Append to the journal FILE what it lacks; the scheduler does so every five minutes."""
    settings = given_settings()
    with one_transaction(settings) as tx:
        count = journal.keep_outside(tx, file or settings.data_dir / journal.FILE_NAME)
    click.echo(f"Erasures added to the journal: {count}")


@erasures.command("replay")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
def erasures_replay(file: Path | None) -> None:
    """Erase everybody in the journal FILE again; safe to run twice."""
    settings = given_settings()
    path = file or settings.data_dir / journal.FILE_NAME
    try:
        with path.open() as told:
            lines = [journal.read_line(line) for line in told if line.strip()]
    except (OSError, InvalidInput) as error:
        raise click.ClickException(str(error)) from None
    erased = 0
    for start in range(0, len(lines), BATCH):
        with one_transaction(settings) as tx:
            erased += journal.replay(tx, lines[start : start + BATCH], at=now())
    click.echo(f"Erasures in the journal: {len(lines)}; people erased again: {erased}")
