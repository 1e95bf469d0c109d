"""Our commands as forks of one process, sharing the modules loaded before."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from importlib import import_module

import setproctitle
import sqlalchemy as sa

from listmgr.config import Settings

# It finds the place of its title by the environment, before anybody has changed that.
setproctitle.getproctitle()
# What the names of our connections begin with.
_OURS = "listmgr "
_SHARED = (
    "gunicorn.arbiter",
    "listmgr.app",
    "listmgr.cli.mailbox",
    "listmgr.cli.scheduler",
    "listmgr.cli.worker",
    "listmgr.jobs",
    "listmgr.runtime.web_worker",
)


def load_once(settings: Settings) -> None:
    """Load what the forks share, and freeze it so that the garbage collector does not copy it."""
    for name in _SHARED:
        import_module(name)
    import_module("listmgr.cli.worker").application(settings)
    sa.orm.configure_mappers()
    gc.collect()
    gc.freeze()


def call_command(argv: Sequence[str]) -> None:
    """Run one of our commands in this process. Raises SystemExit with its code."""
    import_module("listmgr.cli").main(args=list(argv), prog_name="listmgr")


def name_process(title: str) -> None:
    """Set the name under which people see this process."""
    setproctitle.setproctitle(title)


def name_connections(name: str) -> None:
    """Set the `application_name` of this process's PostgreSQL connections, unless an operator has.

    libpq reads it from the environment; 63 bytes are kept.
    """
    if os.environ.get("PGAPPNAME", _OURS).startswith(_OURS):
        os.environ["PGAPPNAME"] = f"{_OURS}{name}"
