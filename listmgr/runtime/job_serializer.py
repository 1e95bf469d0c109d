"""Jobs as workers read them from Valkey: a registered name, numbers and words, nothing else.

Whoever can write to Valkey decides what RQ imports and calls: the function, the callbacks, the
webhooks, the job's class. None of these is read here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import as_text

from listmgr.kit import queue_keys
from listmgr.kit.queue import JOBS

log = logging.getLogger(__name__)

# Octets of a call as RQ keeps it, compressed; ours have under 100. It may grow a thousandfold.
LARGEST_CALL = 2000
LONGEST_SECONDS = 2 * 3600
_FIELDS = frozenset(
    {
        b"created_at",
        b"data",
        b"ended_at",
        b"enqueued_at",
        b"failure_ttl",
        b"last_heartbeat",
        b"origin",
        b"result_ttl",
        b"started_at",
        b"status",
        b"timeout",
        b"worker_name",
    }
)


class NotRegistered(Exception):
    """The entry in Valkey is not one of our jobs."""


class RegisteredJob(Job):
    """A job whose function is looked up in a table and never imported by name."""

    functions: ClassVar[Mapping[str, Callable[..., object]]] = {}

    def __init__(
        self,
        id: str | None = None,  # noqa: A002 - RQ's name
        connection: redis.Redis | None = None,
        serializer: object = None,  # noqa: ARG002 - ours is JSON, whatever a caller says
    ) -> None:
        super().__init__(id, connection, JSONSerializer)

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Read the hash of a job. Raises NotRegistered for anything we would not write."""
        if len(raw_data.get(b"data", b"")) > LARGEST_CALL:
            raise NotRegistered
        super().restore({name: raw_data[name] for name in _FIELDS & raw_data.keys()})
        self.func_name, self.args = _call(self.data)
        self.instance, self.kwargs = None, {}
        # Not by `self.func_name`, which the log of an error shows.
        self.description = self.func_name
        if not (self.timeout and 0 < self.timeout <= LONGEST_SECONDS):
            raise NotRegistered
        self.result_ttl = 0

    @property
    def func(self) -> Callable[..., object]:
        """The function in the table."""
        try:
            return self.functions[str(self.func_name).removeprefix(JOBS)]
        except KeyError:
            raise NotRegistered from None


def _call(data: bytes) -> tuple[str, list[int | str]]:
    """Return the name and arguments of a call."""
    name, instance, args, kwargs = json.loads(data)
    if (
        not isinstance(name, str)
        or not name.startswith(JOBS)
        or name.removeprefix(JOBS) not in RegisteredJob.functions
        or instance is not None
        or kwargs
        or not isinstance(args, list)
        or not all(isinstance(value, int | str) for value in args)
    ):
        raise NotRegistered
    return name, args


class RegisteredQueue(Queue):
    """A queue that discards everything that is not one of our jobs."""

    job_class = RegisteredJob

    @classmethod
    def dequeue_any(
        cls,
        queues: Iterable[Queue],
        timeout: int | None,
        connection: redis.Redis,
        *args: Any,  # noqa: ANN401 - as in RQ
        **kwargs: Any,  # noqa: ANN401
    ) -> tuple[Job, Queue] | None:
        """Return the next job. Raises DequeueTimeout, or returns None without a timeout.

        RQ queries the server's version each time and otherwise takes from a single queue;
        `kit.queue` notices jobs lost on the way.
        """
        keys = [queue.key for queue in queues]
        while (taken := cls.lpop(keys, timeout, connection=connection)) is not None:
            key, job_id = map(as_text, taken)
            if (
                dequeued := cls._fetch_dequeued_job(connection, key, job_id, *args, **kwargs)
            ) is not None:
                return dequeued
        return None

    @classmethod
    def _fetch_dequeued_job(
        cls,
        connection: redis.Redis,
        queue_key: str,
        job_id: str,
        *args: Any,  # noqa: ANN401 - as in RQ
        **kwargs: Any,  # noqa: ANN401
    ) -> tuple[Job, Queue] | None:
        try:
            job = super()._fetch_dequeued_job(connection, queue_key, job_id, *args, **kwargs)
        except (redis.ConnectionError, redis.TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever stands there
            # Nothing of its content, nor its id: somebody else wrote them.
            log.warning("removed from the queue: no job of ours (%s)", type(error).__name__)
            queue_keys.erase(connection, queue_key.rpartition(":")[2], job_id)
            return None
        if job is not None:
            job[0].origin = job[1].name
        return job
