"""Real worker processes and a scheduler for journeys; they can be killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from listmgr.config import Settings
from listmgr.runtime.process import spawn
from tests.sink import Sink


def keys(settings: Settings) -> dict[str, str]:
    """What every process of one installation is told, or it does not start."""
    return {
        "LISTMGR_SECRET_KEY": ",".join(settings.secret_keys),
        "LISTMGR_SUPPRESSION_KEY": settings.suppression_key.decode(),
        "LISTMGR_ANCHOR_KEY": settings.anchor_key.decode(),
    }


class Workers:
    """Real worker processes with a scheduler, as `listmgr up` starts them."""

    def __init__(
        self,
        settings: Settings,
        sink: Sink,
        folder: Path,
        *,
        count: int = 3,
        within: tuple[str, ...] = (),
        **env: str,
    ) -> None:
        self.folder = folder
        self.within = within
        self.env = (
            dict(os.environ)
            | {
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": settings.redis_url,
                "LISTMGR_DATA_DIR": str(folder),
                "LISTMGR_BASE_URL": settings.base_url,
                "LISTMGR_SMTP_URL": f"smtp://127.0.0.1:{sink.port}",
                "LISTMGR_LEASE_SECONDS": "2",
            }
            | keys(settings)
            | env
        )
        self.scheduler = self.start("scheduler")
        self.queues = ["mail", "work", *["send"] * count]
        self.workers = [self.start("worker", f"--queues={queues}") for queues in self.queues]

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """One of them, that ends with us, however we end: a run that is killed leaves nobody."""
        return spawn(
            [*self.within, sys.executable, "-m", "listmgr", *argv],
            log=self.folder / "log",
            env=self.env,
            drop=False,
        )

    def horses(self) -> list[int]:
        """The children in which jobs run."""
        found = []
        for worker in self.workers:
            with suppress(OSError):
                children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text()
                found += [int(pid) for pid in children.split()]
        return found

    def kill_one(self, chance: random.Random) -> int:
        """Kill a work-horse, or now and then a whole worker with it; how many were killed."""
        horses = self.horses()
        if chance.random() < 0.1:
            number = chance.randrange(len(self.workers))
            victim = self.workers[number]
            for pid in (victim.pid, *horses):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            victim.wait()
            self.workers[number] = self.start("worker", f"--queues={self.queues[number]}")
            return 1
        if not horses:
            return 0
        with suppress(ProcessLookupError):
            os.kill(chance.choice(horses), signal.SIGKILL)
            return 1
        return 0

    @staticmethod
    def signal_all(pids: list[int], number: signal.Signals) -> None:
        """SIGSTOP, SIGCONT or another to each that is still there."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    @staticmethod
    def kill(pids: list[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill(self.horses())
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def started(
    settings: Settings,
    sink: Sink,
    folder: Path,
    *,
    count: int = 3,
    within: tuple[str, ...] = (),
    **env: str,
) -> Iterator[Workers]:
    """Workers and a scheduler for a while, `within` a host; `env` adds to what they are told."""
    workers = Workers(settings, sink, folder, count=count, within=within, **env)
    try:
        yield workers
    finally:
        workers.end()
