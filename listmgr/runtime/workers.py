"""RQ workers that survive any state of Valkey, stop gracefully, and leave no child behind."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import redis
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.utils import now
from rq.worker.base import BaseWorker, WorkerStatus

from listmgr.kit import (
    queue_keys,
    shutdown,
)
from listmgr.kit.throttled_log import ThrottledLog
from listmgr.runtime.job_serializer import (
    RegisteredJob,
    RegisteredQueue,
)
from listmgr.runtime.process import die_with

# A run that its worker has not renewed for so long (seconds) counts as lost.
LOST_AFTER = 15
# Seconds between two tries while Valkey is away or holds what cannot be read.
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 10.0
# Seconds after its time-out until a job that cannot be interrupted takes its process along.
GRACE = 10
log = logging.getLogger(__name__)


class SteadyWorker(BaseWorker):
    """What both kinds of workers share.

    RQ ends its loop at the first unexpected error, registers each worker, listens for commands and
    can be suspended. Ours continues, and writes to Valkey only what a run needs.
    """

    job_class = RegisteredJob
    queue_class = RegisteredQueue
    # Whether a signal has asked it to end.
    asked_to_end = False
    jobs_done = 0
    # Called at the end of each job's process, or when there is nothing to do.
    release: Callable[[], object] = staticmethod(lambda: None)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Return the next job, waiting for it and for Valkey, or None in burst mode."""
        del max_idle_time
        trouble, wait = ThrottledLog(log), SHORTEST_WAIT
        while True:
            try:
                dequeued = self._next(timeout)
            except DequeueTimeout:
                self.release()
                wait = SHORTEST_WAIT
            except StopRequested:
                raise
            except Exception as error:
                trouble.log("queue", error, "the queue cannot be read, trying again")
                if timeout is None and wait >= LONGEST_WAIT:
                    raise
                self._mend()
                time.sleep(wait)
                wait = min(LONGEST_WAIT, wait * 2)
            else:
                return dequeued

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job; its errors end no worker."""
        try:
            super().execute_job(job, queue)
        except (StopRequested, SystemExit):
            raise
        except Exception as error:  # noqa: BLE001 - Valkey lost it, or is away just now
            log.warning("%s could not be seen to its end: %s", job.func_name, type(error).__name__)
        finally:
            self.jobs_done += 1
            self.set_state(WorkerStatus.IDLE)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more jobs."""
        self.asked_to_end = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def _next(self, timeout: int | None) -> tuple[Job, Queue] | None:
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()
        return self.queue_class.dequeue_any(
            self._ordered_queues,
            timeout,
            connection=self.connection,
            job_class=self.job_class,
            serializer=self.serializer,
            death_penalty_class=self.death_penalty_class,
        )

    def _mend(self) -> None:
        with suppress(redis.RedisError):
            queue_keys.mend(self.connection, self.queue_names())

    def run_maintenance_tasks(self) -> None:
        """Delete lost runs and old failures."""
        self.last_cleaned_at = now()  # type: ignore[assignment]
        queue_keys.mend(self.connection, self.queue_names())
        queue_keys.forget_ended(self.connection, self.queue_names(), time.time())

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Renew the run of a job; without Valkey the job continues."""
        ttl = self.get_heartbeat_ttl(job)
        with suppress(redis.RedisError), self.connection.pipeline() as pipeline:
            execution.heartbeat(job.started_job_registry, ttl, pipeline=pipeline)
            pipeline.execute()

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:  # noqa: ARG002 - as in RQ
        """Record the end in memory only: the job is deleted next."""
        job.ended_at = now()

    def handle_job_success(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: object,  # noqa: ARG002 - as in RQ
        execution: Execution,
    ) -> None:
        """Delete the job. Ours have no results, dependents or repetitions."""
        self.executions.pop(execution.id, None)
        queue_keys.forget_run(self.connection, queue.name, job.id, execution.id)

    def set_state(self, state: str, pipeline: object = None) -> None:  # noqa: ARG002 - as in RQ
        """Keep the state in this process only."""
        self._state = state

    def register_birth(self) -> None:
        """Do not register: no one queries workers."""
        self.birth_date = self.last_heartbeat = now()

    def register_death(self) -> None:
        """Do nothing, as nothing was registered."""

    def heartbeat(self, timeout: int | None = None, pipeline: object = None) -> None:
        """Do nothing, as nothing was registered."""

    def set_shutdown_requested_date(self) -> None:
        """Do nothing, as nothing was registered."""

    def increment_failed_job_count(self, pipeline: object = None) -> None:
        """Keep no statistics."""

    def increment_successful_job_count(self, pipeline: object = None) -> None:
        """Keep no statistics."""

    def increment_total_working_time(self, job_execution_time: object, pipeline: object) -> None:
        """Keep no statistics."""

    def subscribe(self) -> None:
        """Accept no commands from Valkey."""

    def unsubscribe(self) -> None:
        """Accept no commands from Valkey."""

    def check_for_suspension(self, burst: bool) -> None:
        """Accept no commands from Valkey."""

    def procline(self, message: str) -> None:
        """Keep the name the process was started with."""


class ForkingWorker(SteadyWorker, Worker):
    """A process for each job. RQ's own would outlive a killed worker."""

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 - as in RQ
        """Return the seconds after which an unrenewed run counts as lost."""
        return LOST_AFTER

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork; a request to stop meanwhile waits until the child can receive it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            super().fork_work_horse(job, queue)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run in the child."""
        assert self.pid is not None
        die_with(self.pid)
        super().main_work_horse(job, queue)

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run in the child, which ends by `os._exit`, so connections are closed here."""
        try:
            return super().perform_job(job, queue, execution)
        finally:
            self.release()

    def setup_work_horse_signals(self) -> None:
        """In the child: SIGTERM asks the job to finish its step instead of cutting it off."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, shutdown.request)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more jobs, and ask the running one to stop at its next step."""
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
        super().request_stop(signum, frame)


class InProcessWorker(SteadyWorker, SimpleWorker):
    """Runs short jobs one after the other in the worker's own process."""

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 - as in RQ
        """Return the seconds after which an unrenewed run counts as lost."""
        return LOST_AFTER

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run a job. One that ignores its timeout ends the process, and another starts."""
        ended = threading.Event()
        threading.Thread(target=self._renew, args=(job, execution, ended), daemon=True).start()
        faulthandler.dump_traceback_later(int(job.timeout or 0) + GRACE, exit=True, file=2)
        try:
            return super().perform_job(job, queue, execution)
        finally:
            faulthandler.cancel_dump_traceback_later()
            ended.set()

    def _renew(self, job: Job, execution: Execution, ended: threading.Event) -> None:
        """Renew the run beside the job: if the process were killed, its key would be taken for
        minutes.
        """
        while not ended.wait(self.job_monitoring_interval):
            self.maintain_heartbeats(job, execution)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more jobs, and ask the running one to stop at its next step."""
        shutdown.request()
        super().request_stop(signum, frame)
