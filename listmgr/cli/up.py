"""`listmgr up`: a complete installation on one machine, and its messages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings, SettingsError, default_data_dir
from listmgr.kit.clock import now
from listmgr.kit.transaction import transaction
from listmgr.operators.sign_in import first_run_token
from listmgr.runtime.installation import (
    InstallOptions,
    RunningInstallation,
    run,
)
from listmgr.runtime.process import RuntimeFailure

_OPTIONS = (
    click.option(
        "--port",
        type=click.IntRange(1, 65535),
        default=8080,
        show_default=True,
        help="Where the pages are.",
    ),
    click.option("--host", default="127.0.0.1", show_default=True, help="Which interface."),
    click.option(
        "--workers",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        help="Processes that send campaigns.",
    ),
    click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where everything is kept.",
    ),
)


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a complete installation."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command
@with_options
@click.option("--check", is_flag=True, help="Start everything, see that it answers, and end.")
def up(port: int, host: str, workers: int, data_dir: Path | None, check: bool) -> None:
    """Run everything on this machine: database, queue, web, workers, scheduler."""

    def greet(site: RunningInstallation) -> bool:
        if not check:
            say_where(site)
        return not check

    run_until_told(InstallOptions(folder(data_dir), host, port, workers), greet, check=check)
    if check:
        click.echo("Everything started, answered and ended.")


def folder(given: Path | None, *below: str) -> Path:
    """Return the given data directory, or a folder below the default one."""
    if given is not None:
        return given.expanduser().absolute()
    return default_data_dir(os.environ).joinpath(*below)


def run_until_told(
    options: InstallOptions, work: Callable[[RunningInstallation], bool], *, check: bool
) -> None:
    """Start everything and stay; a failure to start is one clear line."""
    click.echo("listmgr is starting …")
    try:
        run(options, work, click.echo)
    except (RuntimeFailure, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        if check:
            raise
        click.echo("  Stopped.")


def say_where(site: RunningInstallation, sign_in: str = "") -> None:
    """Print the addresses."""
    engine = sa.create_engine(site.settings.database_url)
    lines = greeting(engine, site.settings, sign_in)
    engine.dispose()
    if site.mailbox_url:
        lines.insert(2, f"  Mailbox  {site.mailbox_url}  (every mail arrives here, none leaves)")
    click.echo("\n".join(lines))


def greeting(engine: sa.Engine, settings: Settings, sign_in: str = "") -> list[str]:
    """Return what a newcomer wants to know: where to go, where the data is, how to stop."""
    if not sign_in:
        with transaction(lambda: Session(engine), settings, lambda _jobs: None) as tx:
            token = first_run_token(tx, at=now())
        sign_in = settings.link(f"studio/first-run/{token}" if token else "studio/")
    lines = (
        ("Studio", sign_in),
        ("Site", settings.base_url),
        ("Data", str(settings.data_dir)),
        ("Stop", "Ctrl-C"),
    )
    return [f"  {name:<8} {value}" for name, value in lines]
