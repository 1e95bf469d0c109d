"""`listmgr demo`: a whole installation with an invented organisation in it."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from listmgr.cli.up import (
    folder,
    run_until_told,
    say_where,
    with_options,
)
from listmgr.demo.data import load_demo
from listmgr.demo.story import Line, StoryStopped, play, table
from listmgr.runtime.installation import (
    InstallOptions,
    RunningInstallation,
)
from listmgr.runtime.ports import free_port


@click.command
@with_options
@click.option("--check", is_flag=True, help="Play the whole story by itself, report, and end.")
def demo(port: int, host: str, workers: int, data_dir: Path | None, check: bool) -> None:
    """Run everything, with an invented organisation and its subscribers in it."""
    lines: list[Line] = []
    why: list[str] = []

    def show(site: RunningInstallation) -> bool:
        sign_in = load_demo(site.env)
        if check:
            try:
                lines.extend(play(site.env, site.mailbox_url))
            except StoryStopped as stopped:
                lines.extend(stopped.lines)
                why.append(str(stopped))
            return False
        say_where(site, sign_in)
        return True

    with ExitStack() as stack:
        where = folder(data_dir, "demo")
        if check and data_dir is None:
            where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="listmgr-demo-")))
            where.chmod(0o755)
            port = free_port()
        run_until_told(InstallOptions(where, host, port, workers), show, check=check)
    if check:
        click.echo(table(lines))
        if why:
            raise click.ClickException(
                f"The demo did not go on. {why[0]} Is this machine very busy? Try again, or see the"
                " logs of `listmgr demo` without --check."
            )
        if not lines or not all(line.ok for line in lines):
            raise click.ClickException("The demo did not go as it must; see the lines marked NO.")
