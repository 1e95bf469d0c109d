"""`listmgr scheduler`: rings what is due, every second."""

from __future__ import annotations

import signal

import click
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cli.given import given_settings
from listmgr.kit import stopping
from listmgr.kit.clock import now
from listmgr.kit.queue import ring
from listmgr.scheduler import claim_due


@click.command
def scheduler() -> None:
    """Ring what is due; several copies may run."""
    settings = given_settings()
    engine = sa.create_engine(settings.database_url, pool_pre_ping=True)
    connection = redis.Redis.from_url(settings.redis_url)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopping.ask)
    while not stopping.wait(1.0):
        try:
            with Session(engine) as session, session.begin():
                due = claim_due(session, now())
            ring(connection, [task.job for task in due])
        except sa.exc.OperationalError as error:
            click.echo(f"database away, trying again: {type(error).__name__}", err=True)
