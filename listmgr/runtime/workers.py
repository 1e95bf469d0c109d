"""RQ workers that end gently when asked to, and whose work-horses never outlive them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

from rq import Queue, SimpleWorker, Worker
from rq.job import Job

from listmgr.kit import stopping
from listmgr.runtime.process import die_with


class ForkingWorker(Worker):
    """A process for each job. RQ's own would leave it behind when the worker is killed."""

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork; a request to end that comes meanwhile waits until the horse can hear it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            super().fork_work_horse(job, queue)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the child."""
        assert self.pid is not None
        die_with(self.pid)
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """In the child: SIGTERM asks the job to come to an end, it does not cut it off."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, stopping.ask)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more jobs, and ask the one under way to end at its next step."""
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


class InProcessWorker(SimpleWorker):
    """Jobs in the worker's own process, for tests and small machines."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take no more jobs, and ask the one under way to end at its next step."""
        stopping.ask()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
