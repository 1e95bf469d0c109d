"""`listmgr evidence`: a consent's proof for an authority, and its check without a database."""

from __future__ import annotations

import json
from pathlib import Path

import click

from listmgr.cli.environment import (
    given_settings,
    one_transaction,
)
from listmgr.consent.proof import ProofError, printable, proof, read_proof, verify
from listmgr.kit.errors import DomainError


@click.group
def evidence() -> None:
    """Export a consent's proof, and check one without a database."""


@evidence.command("export")
@click.argument("consent_id", type=int)
@click.option("--as-text", is_flag=True, help="For printing instead of JSON.")
def evidence_export(consent_id: int, as_text: bool) -> None:
    """Write the proof of a consent to standard output."""
    with one_transaction(given_settings()) as tx:
        try:
            exported = proof(tx.session, consent_id)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    click.echo(
        printable(exported) if as_text else json.dumps(exported, ensure_ascii=False, indent=1)
    )


@evidence.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def evidence_verify(file: Path) -> None:
    """Check an exported proof by arithmetic alone."""
    try:
        events = verify(read_proof(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, ProofError) as error:
        raise click.ClickException(f"Not sound: {error}") from None
    click.echo(f"Sound: {events} events, every hash and every commitment agrees.")
