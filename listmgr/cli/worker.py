"""`listmgr worker`: RQ workers in the application's context."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import click
import redis
from flask import Flask

from listmgr import jobs
from listmgr.app import create_app, watch_over
from listmgr.cli.environment import given_servers
from listmgr.config import Settings
from listmgr.kit.db import db
from listmgr.kit.mail import KeptConnections, make_post
from listmgr.kit.queue import QUEUES
from listmgr.kit.transaction import retry_conflicts
from listmgr.runtime.forked_commands import (
    name_connections,
    name_process,
)
from listmgr.runtime.job_serializer import (
    RegisteredJob,
    RegisteredQueue,
)
from listmgr.runtime.supervisor import Program, Supervisor, ignore_signals, install_signal_handlers
from listmgr.runtime.workers import ForkingWorker, InProcessWorker

# Single mails have a process of their own, which is never forked for one of them.
MAIL, CAMPAIGNS = "mail", "send"
# After so many jobs it begins anew: what a library has leaked is gone.
MAIL_JOBS = 5000
# Campaigns give way to single mails and to the pages.
CAMPAIGN_NICENESS = 5
# Seconds a worker has to bring its job to an end when it is asked to.
PATIENCE = 60.0
RegisteredJob.functions = {name: retry_conflicts(getattr(jobs, name)) for name in jobs.__all__}


# Made before the parts of `listmgr up` are forked, it is shared by them.
application = lru_cache(maxsize=1)(create_app)


@click.command
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
@click.option("--queues", default=",".join(QUEUES), help="Which queues.", show_default=True)
@click.option("--in-process", is_flag=True, help="All jobs of all queues in this one process.")
def worker(burst: bool, queues: str, in_process: bool) -> None:
    """Send mail and do the other jobs.

    Each queue has a process of its own: single mails, campaigns, and all else wait for nobody.
    """
    run_worker(burst=burst, queues=queues.split(","), in_process=in_process)


def run_worker(
    *, burst: bool = False, queues: Sequence[str] | None = None, in_process: bool = False
) -> None:
    """Work until asked to stop, or in burst mode until the queues are empty."""
    settings = given_servers()
    names = list(queues or QUEUES)
    if burst or in_process or len(names) == 1:
        _work(settings, names, burst=burst, in_process=in_process)
    else:
        _work_apart(settings, names)


def _work_apart(settings: Settings, names: Sequence[str]) -> None:
    """Run a process for each queue; restart one that ends."""
    install_signal_handlers()
    application(settings)
    _freeze()

    def program(name: str) -> Program:
        title = f"listmgr worker --queues={name}"
        return Program(title, partial(_work_as, title, settings, name), dict(os.environ), None)

    supervisor = Supervisor([[program(name) for name in names]], [], partial(click.echo, err=True))
    try:
        supervisor.start()
        supervisor.watch()
    except KeyboardInterrupt:
        pass
    finally:
        ignore_signals()
        supervisor.stop(PATIENCE)


def _work_as(title: str, settings: Settings, name: str) -> None:
    name_process(title)
    _work(settings, [name])


def _work(
    settings: Settings, names: Sequence[str], *, burst: bool = False, in_process: bool = False
) -> None:
    name_connections(f"worker {','.join(names)}")
    if list(names) == [CAMPAIGNS]:
        os.nice(CAMPAIGN_NICENESS)
    app = application(settings)
    watch_over(app, settings, in_thread=False)
    connection = redis.Redis.from_url(settings.redis_url)
    alone = in_process or (not burst and list(names) == [MAIL])
    kind = InProcessWorker if alone else ForkingWorker
    with app.app_context():
        rq_worker = kind(
            [RegisteredQueue(name, connection=connection, serializer="json") for name in names],
            connection=connection,
            serializer="json",
            # It waits for jobs 15 seconds less at a time.
            worker_ttl=30,
            maintenance_interval=20,
            job_monitoring_interval=5,
        )
        rq_worker.release = _release(app, keep=kind is InProcessWorker)
        _freeze()
        rq_worker.work(
            burst=burst,
            logging_level="WARNING",
            with_scheduler=False,
            max_jobs=MAIL_JOBS if kind is InProcessWorker and not burst else None,
        )
        rq_worker.release()
        if not (burst or rq_worker.asked_to_end or rq_worker.jobs_done >= MAIL_JOBS):
            raise SystemExit(1)


def _release(app: Flask, *, keep: bool) -> Callable[[], None]:
    """Return what closes a process's connections; with `keep`, transactional mails share theirs
    until then.

    A process that ends without it leaves a line in PostgreSQL's log.
    """
    connections = KeptConnections() if keep else None
    services = app.extensions["listmgr"]
    if connections is not None:
        app.extensions["listmgr"] = replace(services, post=make_post(app, connections))

    def release() -> None:
        if connections is not None:
            connections.close()
        db.engine.dispose()
        services.redis.close()

    return release


def _freeze() -> None:
    """Exclude what is loaded from garbage collection, so that job processes need not traverse
    it.
    """
    gc.collect()
    gc.freeze()
