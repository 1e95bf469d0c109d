"""`listmgr worker`: an RQ worker in the application's context, with recovery fit for mail."""

from __future__ import annotations

import gc

import click
import redis
from rq import Queue

# Each job has a process of its own: what all of them need is loaded once, here.
import listmgr.jobs  # noqa: F401
from listmgr.app import create_app
from listmgr.cli.given import given_settings
from listmgr.kit.queue import QUEUES
from listmgr.runtime.workers import ForkingWorker, InProcessWorker


@click.command
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
@click.option("--queues", default=",".join(QUEUES), help="Which queues, in order of urgency.")
@click.option("--in-process", is_flag=True, help="Do not fork for each job.")
def worker(burst: bool, queues: str, in_process: bool) -> None:
    """Send mail and do the other jobs."""
    run_worker(burst=burst, queues=queues.split(","), in_process=in_process)


def run_worker(
    *, burst: bool = False, queues: list[str] | None = None, in_process: bool = False
) -> None:
    """Work until told to end, or in a burst until there is nothing to do."""
    settings = given_settings()
    app = create_app(settings)
    connection = redis.Redis.from_url(settings.redis_url)
    kind = InProcessWorker if in_process else ForkingWorker
    with app.app_context():
        made = kind(
            [Queue(name, connection=connection, serializer="json") for name in queues or QUEUES],
            connection=connection,
            serializer="json",
            # By RQ's defaults a job of a killed worker waits for seven minutes.
            worker_ttl=60,
            maintenance_interval=20,
            job_monitoring_interval=5,
        )
        # What is loaded stays: the collector need not walk through it again in each job's process.
        gc.collect()
        gc.freeze()
        made.work(burst=burst, logging_level="WARNING", with_scheduler=False)
