"""Keeps the parts of one installation alive, and ends them in order when it is told to end."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from listmgr.runtime.process import RuntimeFailure, spawn, stop

PATIENCE = 10.0
# So many deaths in so many seconds are no accident.
DEATHS, WITHIN = 5, 30.0


@dataclass(slots=True)
class Part:
    """One child process. Parts are started in order and stopped in the other order."""

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS))


class Supervisor:
    """Starts parts, restarts those that die, stops all. Children die with it, however it dies."""

    def __init__(self, parts: Sequence[Part], logs: Path) -> None:
        self.parts = list(parts)
        self.logs = logs
        self._ending = False

    def start(self) -> None:
        """Start every part."""
        self.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in self.parts:
            self._start(part)

    def _start(self, part: Part) -> None:
        log = self.logs / f"{part.name}.log"
        part.process = spawn(part.argv, log=log, env=part.env, drop=False)

    def end(self, *_: object) -> None:
        """Ask the watch to end; fit for a signal handler."""
        self._ending = True

    def watch(self, healthy: Callable[[], bool]) -> None:
        """Until told to end: restart what has died. Raises RuntimeFailure when that is no use."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.end)
        beats = 0
        while not self._ending:
            time.sleep(0.2)
            beats += 1
            for part in self.parts:
                self._look_after(part)
            if beats % 25 == 0 and not healthy():
                raise RuntimeFailure("PostgreSQL or Valkey has ended; see their logs.")

    def _look_after(self, part: Part) -> None:
        if part.process is None or part.process.poll() is None or self._ending:
            return
        part.deaths.append(time.monotonic())
        if len(part.deaths) == DEATHS and part.deaths[-1] - part.deaths[0] < WITHIN:
            raise RuntimeFailure(
                f"{part.name} ends as soon as it is started; see {self.logs / part.name}.log"
            )
        time.sleep(0.1 * len(part.deaths))
        self._start(part)

    def stop(self) -> None:
        """End the parts, the last started first; all are asked at once, none waits for another."""
        running = [part.process for part in reversed(self.parts) if part.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + PATIENCE
        for process in running:
            stop(process, signal.SIGTERM, max(0.1, until - time.monotonic()))
