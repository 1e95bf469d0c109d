"""`listmgr mailbox`: the development mailbox alone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from listmgr.config import default_data_dir
from listmgr.runtime.dev_mailbox import serve

_A_PORT = click.IntRange(1, 65535)


@click.command
@click.option("--smtp-port", type=_A_PORT, default=1025, show_default=True, help="Takes mail.")
@click.option("--http-port", type=_A_PORT, default=8025, show_default=True, help="Shows mail.")
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where mails are kept."
)
def mailbox(smtp_port: int, http_port: int, data_dir: Path | None) -> None:
    """Take every mail on this machine and show it in the browser; none leaves."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = (data_dir or default_data_dir(os.environ)) / "mailbox"
    try:
        serve(folder, smtp_port, http_port)
    except KeyboardInterrupt:
        return
    except OSError as error:
        raise click.ClickException(
            f"Ports {smtp_port} and {http_port} and the folder {folder}: {error.strerror}. "
            "Give others: --smtp-port, --http-port, --data-dir"
        ) from None
