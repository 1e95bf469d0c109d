"""The bell: RQ carries the names of jobs; rows say what is to be done."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import redis
from rq import Queue
from rq.exceptions import DuplicateJobError, InvalidJobOperation, NoSuchJobError
from rq.job import Job as QueuedJob
from rq.job import JobStatus

log = logging.getLogger(__name__)

QUEUES = ("mail", "send", "work")
_OVER = frozenset({JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED, JobStatus.FINISHED})
# From taking a job to beginning it a worker needs a fork.
LOST_AFTER = 5
_MARK_LIVES = 600


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
        if not _forget(connection, job):
            return False
        try:
            _enqueue(connection, job)
        except DuplicateJobError:  # Another process rang it in between, which is as good.
            return False
    return True


def _forget(connection: redis.Redis, job: Job) -> bool:
    """Take away a job that is over or lost; kept for looking at, its key would stay taken."""
    queue = _queue(connection, job)
    # It may run and go away just now, before it is fetched or right after.
    with suppress(NoSuchJobError, InvalidJobOperation):
        found = QueuedJob.fetch(str(job.key), connection=connection, serializer="json")
        if found.get_status() not in _OVER and not _is_lost(queue, found):
            return False
        found.delete()
        queue.intermediate_queue.remove(found.id)
    return True


def _is_lost(queue: Queue, found: QueuedJob) -> bool:
    """Whether a worker took it and was killed before it began: it waits nowhere, nobody has it.

    RQ takes a job off several queues by a bare BLPOP, and would never miss it again.
    """
    redis = queue.connection
    if found.get_status() is not JobStatus.QUEUED or redis.lpos(queue.key, found.id) is not None:
        return False
    mark = f"listmgr:missed:{found.id}:{found.enqueued_at}"
    if redis.set(mark, 1, nx=True, ex=_MARK_LIVES):
        return False
    return int(redis.ttl(mark)) <= _MARK_LIVES - LOST_AFTER


def _queue(connection: redis.Redis, job: Job) -> Queue:
    return Queue(job.queue, connection=connection, serializer="json")


def _enqueue(connection: redis.Redis, job: Job) -> None:
    _queue(connection, job).enqueue(
        f"listmgr.jobs.{job.name}",
        args=job.args,
        job_id=job.key,
        unique=job.key is not None,
        job_timeout=job.timeout,
        result_ttl=0,
        failure_ttl=7 * 24 * 3600,
    )
