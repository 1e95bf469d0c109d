"""`listmgr scheduler`: rings what is due, every second."""

from __future__ import annotations

import signal

import click
import redis
import sqlalchemy as sa

from listmgr.cli.environment import given_servers
from listmgr.installation.identity import guard
from listmgr.kit import shutdown
from listmgr.kit.queue import enqueue
from listmgr.runtime.forked_commands import name_connections
from listmgr.scheduler import Scheduler


@click.command
def scheduler() -> None:
    """Ring what is due; several copies may run."""
    settings = given_servers()
    name_connections("scheduler")
    engine = sa.create_engine(
        settings.database_url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"connect_timeout": 5},
    )
    guard(engine, settings)
    connection = redis.Redis.from_url(
        settings.redis_url, socket_connect_timeout=2, socket_timeout=5
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, shutdown.request)
    rings = Scheduler(engine, lambda jobs: enqueue(connection, jobs))
    while not shutdown.wait(1.0):
        rings.turn()
    engine.dispose()
