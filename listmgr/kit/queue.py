"""The bell: RQ carries the names of jobs; rows say what is to be done."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import redis
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job as QueuedJob
from rq.job import JobStatus

log = logging.getLogger(__name__)

QUEUES = ("mail", "send", "work")
_OVER = frozenset({JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED, JobStatus.FINISHED})


@dataclass(frozen=True, slots=True)
class Job:
    """A job by name: a function of `listmgr.jobs`, its arguments, and the queue it waits in.

    A job with a key is rung once until it has run; more rings while it waits are dropped.
    """

    name: str
    args: tuple[int | str, ...] = ()
    queue: str = "work"
    key: str | None = None
    timeout: int = 180


def ring(connection: redis.Redis, jobs: Iterable[Job]) -> int:
    """Put jobs in their queues and return how many went in.

    Never raises when Redis is away: the row is the truth, and a sweep rings again.
    """
    rung = 0
    for job in jobs:
        try:
            rung += _ring_one(connection, job)
        except redis.RedisError as error:
            log.warning("queue unreachable, the sweep will ring again: %s", type(error).__name__)
            break
    return rung


def _ring_one(connection: redis.Redis, job: Job) -> bool:
    try:
        _enqueue(connection, job)
    except DuplicateJobError:
        if not _forget_failed(connection, job):
            return False
        try:
            _enqueue(connection, job)
        except DuplicateJobError:  # Another process rang it in between, which is as good.
            return False
    return True


def _forget_failed(connection: redis.Redis, job: Job) -> bool:
    """Take away a job that is over; kept for looking at, its key would stay taken for days."""
    try:
        found = QueuedJob.fetch(str(job.key), connection=connection, serializer="json")
        if found.get_status() not in _OVER:
            return False
        found.delete()
    except NoSuchJobError:  # It ran and went away just now.
        return True
    return True


def _enqueue(connection: redis.Redis, job: Job) -> None:
    queue = Queue(job.queue, connection=connection, serializer="json")
    queue.enqueue(
        f"listmgr.jobs.{job.name}",
        args=job.args,
        job_id=job.key,
        unique=job.key is not None,
        job_timeout=job.timeout,
        result_ttl=0,
        failure_ttl=7 * 24 * 3600,
    )
