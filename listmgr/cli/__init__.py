"""The command line: run everything, one part of it, or maintain it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from listmgr.kit.errors import IdentityError

# Each is a module of the same name, loaded when it is called: seven processes start at once, and
# few need everything.
COMMANDS = (
    "up",
    "demo",
    "mailbox",
    "migrate",
    "worker",
    "scheduler",
    "operators",
    "evidence",
    "installation",
)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"listmgr.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        """Report a database of another installation in one sentence."""
        try:
            return super().invoke(ctx)
        except IdentityError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Commands)
@click.version_option(package_name="listmgr")
def main() -> None:
    """listmgr: no mail leaves without a current, provable consent."""
