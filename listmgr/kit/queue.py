"""The job queue: RQ carries the names of jobs; database rows say what is to be done."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import redis
from rq import Queue
from rq.exceptions import DuplicateJobError

from listmgr.kit import queue_keys
from listmgr.kit.queue_keys import QUEUES
from listmgr.kit.throttled_log import ThrottledLog

__all__ = ["JOBS", "QUEUES", "Job", "enqueue"]

# What a job's name in the queue begins with.
JOBS = "listmgr.jobs."
# Their keys are free again; what they should have done is still to be done.
_OVER = frozenset({b"failed", b"stopped", b"canceled", b"finished"})
# From taking a job to beginning it a worker needs a fork.
LOST_AFTER = 5
_MARK_LIVES = 600
# A job nobody took for so long (seconds) is forgotten; its row is still there.
_WAITS_AT_MOST = 24 * 3600
_trouble = ThrottledLog(logging.getLogger(__name__))


@dataclass(frozen=True, slots=True)
class Job:
    """A job by name: a function of `listmgr.jobs`, its arguments and its queue.

    A job with a key waits only once: further ones are dropped until it has run.
    """

    name: str
    args: tuple[int | str, ...] = ()
    queue: str = "work"
    key: str | None = None
    timeout: int = 180


def enqueue(connection: redis.Redis, jobs: Iterable[Job]) -> int:
    """Queue jobs; return how many were added.

    Never raises: rows are authoritative, and a sweep queues again. An error with one job, or with
    what Valkey holds under its key, does not affect the others.
    """
    rung = 0
    for job in jobs:
        try:
            rung += _ring_or_mend(connection, job)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            _trouble.log("queue", error, "queue unreachable, the sweep will ring again")
            return rung
        except Exception as error:  # noqa: BLE001 - whatever stands in Valkey
            _trouble.log(job.name, error, f"{job.name} was not rung, the sweep will ring again")
        else:
            _trouble.end("queue")
            _trouble.end(job.name)
    return rung


def _ring_or_mend(connection: redis.Redis, job: Job) -> bool:
    try:
        return _ring_one(connection, job)
    except (redis.ConnectionError, redis.TimeoutError):
        raise
    except Exception:  # noqa: BLE001 - what RQ cannot read is taken away and written anew
        queue_keys.mend(connection)
        if job.key is not None:
            queue_keys.erase(connection, job.queue, job.key)
        return _ring_one(connection, job)


def _ring_one(connection: redis.Redis, job: Job) -> bool:
    try:
        _enqueue(connection, job)
    except DuplicateJobError:
        assert job.key is not None
        if not _is_over(connection, job.queue, job.key):
            return False
        queue_keys.erase(connection, job.queue, job.key)
        try:
            _enqueue(connection, job)
        except DuplicateJobError:  # Another process rang it in between, which is as good.
            return False
    return True


def _is_over(connection: redis.Redis, queue: str, job_id: str) -> bool:
    """Whether nobody will run the job any more: it ended, failed, or its worker was killed."""
    status = connection.hget(queue_keys.job_key(job_id), "status")
    if status in _OVER:
        return True
    if queue_keys.is_running(connection, job_id):
        return False
    # A run is written down before its job says "started", and both go together.
    if status == b"started" or not connection.exists(queue_keys.job_key(job_id)):
        return True
    return _is_lost(connection, queue, job_id)


def _is_lost(connection: redis.Redis, queue: str, job_id: str) -> bool:
    """Whether a worker took the job and was killed before it began: it is in no queue and not
    running.

    RQ pops jobs from several queues by a plain BLPOP and would never notice.
    """
    if connection.lpos(queue_keys.queue_key(queue), job_id) is not None:
        return False
    enqueued = connection.hget(queue_keys.job_key(job_id), "enqueued_at") or b""
    mark = f"listmgr:missed:{job_id}:{queue_keys.as_text(enqueued)[:40]}"
    if connection.set(mark, 1, nx=True, ex=_MARK_LIVES):
        return False
    return int(connection.ttl(mark)) <= _MARK_LIVES - LOST_AFTER


def _enqueue(connection: redis.Redis, job: Job) -> None:
    Queue(job.queue, connection=connection, serializer="json").enqueue(
        f"{JOBS}{job.name}",
        args=job.args,
        job_id=job.key,
        unique=job.key is not None,
        job_timeout=job.timeout,
        ttl=_WAITS_AT_MOST,
        result_ttl=0,
        failure_ttl=7 * 24 * 3600,
    )
