"""The keys RQ stores in Valkey, and how to delete them when RQ cannot.

After a kill, a flush or an expired key, parts are missing or of another type, and RQ's own `delete`
raises. Nothing here reads a value before deleting it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import cast

import redis

log = logging.getLogger(__name__)

QUEUES = ("mail", "send", "work")
_REGISTRIES = ("failed", "finished", "deferred", "scheduled", "canceled", "ready")
_SHARED = {"rq:queues": "set", "rq:suspended": "none"}


def queue_key(queue: str) -> str:
    """Return the list of a queue's waiting jobs."""
    return f"rq:queue:{queue}"


def running_key(queue: str) -> str:
    """Return the sorted set of a queue's running jobs, scored by when each counts as lost."""
    return f"rq:wip:{queue}"


def _types(queue: str) -> dict[str, str]:
    return {
        queue_key(queue): "list",
        f"{queue_key(queue)}:intermediate": "list",
        running_key(queue): "zset",
        **{f"rq:{registry}:{queue}": "zset" for registry in _REGISTRIES},
    }


def mend(connection: redis.Redis, queues: Iterable[str] = QUEUES) -> int:
    """Delete shared keys of a wrong type; return how many."""
    expected = dict(_SHARED)
    for queue in queues:
        expected |= _types(queue)
    with connection.pipeline(transaction=False) as pipeline:
        for key in expected:
            pipeline.type(key)
        actual = [as_text(kind) for kind in pipeline.execute()]
    wrong = [
        key
        for (key, kind), actual_kind in zip(expected.items(), actual, strict=True)
        if actual_kind not in {kind, "none"}
    ]
    if wrong:
        connection.delete(*wrong)
        log.warning("deleted from the queue's server, of a foreign type: %s", ", ".join(wrong))
    return len(wrong)


def erase(connection: redis.Redis, queue: str, job_id: str) -> None:
    """Delete every trace of a job, whatever its state."""
    executions = execution_ids(connection, job_id)
    prefix = f"{job_id}:"
    running = [
        member
        for member in _members(connection, running_key(queue))
        if as_text(member).startswith(prefix)
    ]
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.delete(
            job_key(job_id),
            f"{job_key(job_id)}:dependents",
            f"{job_key(job_id)}:dependencies",
            f"rq:executions:{job_id}",
            f"rq:results:{job_id}",
            *(execution_key(job_id, execution) for execution in executions),
        )
        pipeline.lrem(queue_key(queue), 0, job_id)
        pipeline.lrem(f"{queue_key(queue)}:intermediate", 0, job_id)
        for registry in _REGISTRIES:
            pipeline.zrem(f"rq:{registry}:{queue}", job_id)
        if running:
            pipeline.zrem(running_key(queue), *running)
        # What is of a foreign type is `mend`'s matter, and keeps nothing else from going.
        pipeline.execute(raise_on_error=False)


def forget_run(connection: redis.Redis, queue: str, job_id: str, execution_id: str) -> None:
    """Delete a finished job together with its run, so that its key is free again."""
    with connection.pipeline() as pipeline:
        pipeline.delete(
            job_key(job_id), execution_key(job_id, execution_id), f"rq:executions:{job_id}"
        )
        pipeline.zrem(running_key(queue), f"{job_id}:{execution_id}")
        pipeline.execute()


def job_key(job_id: str) -> str:
    """Return the hash of a job."""
    return f"rq:job:{job_id}"


def execution_key(job_id: str, execution_id: str) -> str:
    """Return the hash of one run of a job; it expires unless its worker renews it."""
    return f"rq:execution:{job_id}:{execution_id}"


def execution_ids(connection: redis.Redis, job_id: str) -> list[str]:
    """Return the runs of a job known to RQ; none if the key holds something else."""
    return [as_text(member) for member in _members(connection, f"rq:executions:{job_id}")]


def is_running(connection: redis.Redis, job_id: str) -> bool:
    """Whether a worker renews a run of the job."""
    keys = [execution_key(job_id, run_id) for run_id in execution_ids(connection, job_id)]
    return bool(keys and connection.exists(*keys))


def forget_ended(connection: redis.Redis, queues: Iterable[str], at: float) -> None:
    """Delete lost runs and old failures. `at` is in epoch seconds.

    What a lost job should have done is in its row, and a sweep queues it again.
    """
    for queue in queues:
        late = cast("list[bytes]", connection.zrangebyscore(running_key(queue), "-inf", at))
        for member in late:
            job_id = as_text(member).split(":")[0]
            connection.zrem(running_key(queue), member)
            if _was_lost(connection, job_id):
                erase(connection, queue, job_id)
        connection.zremrangebyscore(f"rq:failed:{queue}", "-inf", at)


def _was_lost(connection: redis.Redis, job_id: str) -> bool:
    """Whether its worker ended before it; it may have been queued again since."""
    try:
        status = connection.hget(job_key(job_id), "status")
    except redis.ResponseError:
        return True
    return status == b"started" and not is_running(connection, job_id)


def _members(connection: redis.Redis, key: str) -> list[bytes]:
    try:
        return cast("list[bytes]", connection.zrange(key, 0, -1))
    except redis.ResponseError:
        return []


def as_text(value: object) -> str:
    """Decode a value from Valkey, whoever wrote it; invalid UTF-8 is replaced."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
