"""Keeps the parts of one installation alive, and ends them in order when it is told to end."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from listmgr.runtime.process import RuntimeFailure, spawn, stop

PATIENCE = 10.0
# So many deaths in so many seconds are no accident.
DEATHS, WITHIN = 5, 30.0
# How often those that can be asked are asked, and how many silences in a row are one too many.
ASKED_EVERY, SILENCES = 5.0, 6
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Part(Protocol):
    """Something that runs and can be started again: a program of ours, or an embedded server."""

    @property
    def name(self) -> str:
        """What people call it."""

    def start(self) -> object:
        """Start it; raises RuntimeFailure when it does not come."""

    def alive(self) -> bool:
        """Whether its process runs."""


@dataclass(slots=True)
class Program:
    """A child process of our own. Secrets reach it by its environment only."""

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str]
    log: Path
    # Asked now and then; a program that runs and does not answer is started again.
    answers: Callable[[], bool] | None = None
    silences: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self.silences = 0
        self.process = spawn(self.argv, log=self.log, env=self.env, drop=False)

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def ask(self) -> None:
        """End it when it has been silent for too long."""
        if self.answers is None or not self.alive():
            return
        self.silences = 0 if self.answers() else self.silences + 1
        if self.silences >= SILENCES and self.process is not None:
            stop(self.process, signal.SIGTERM, PATIENCE)

    def end(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.alive():
            self.process.terminate()

    def wait(self, until: float) -> None:
        """Until it has ended, or by force when the time is over."""
        if self.process is not None:
            stop(self.process, signal.SIGTERM, max(0.1, until - time.monotonic()))


class Supervisor:
    """Starts waves of programs, restarts what dies, stops the last wave first.

    It looks after the servers too, but who started them stops them.
    """

    def __init__(
        self,
        waves: Sequence[Sequence[Program]],
        servers: Sequence[Part],
        say: Callable[[str], object],
    ) -> None:
        self.waves = waves
        self.programs = [program for wave in waves for program in wave]
        self.parts: list[Part] = [*servers, *self.programs]
        self._say = say
        self._deaths: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=DEATHS))
        self._asked = time.monotonic()

    def start(self) -> None:
        """Start every program."""
        for program in self.programs:
            program.start()

    def watch(self) -> None:
        """Until KeyboardInterrupt. Raises RuntimeFailure when restarting is no use."""
        while True:
            time.sleep(0.2)
            self.look()

    def look(self) -> None:
        """Start again what has died, and end what does not answer any more."""
        for part in self.parts:
            if not part.alive():
                self._revive(part)
        if time.monotonic() - self._asked > ASKED_EVERY:
            self._asked = time.monotonic()
            for program in self.programs:
                program.ask()

    def _revive(self, part: Part) -> None:
        deaths = self._deaths[part.name]
        deaths.append(time.monotonic())
        if len(deaths) == DEATHS and deaths[-1] - deaths[0] < WITHIN:
            raise RuntimeFailure(f"{part.name} ends as soon as it is started; see its log.")
        self._say(f"{part.name} has ended; starting it again.")
        time.sleep(0.1 * 2 ** len(deaths))
        try:
            part.start()
        except RuntimeFailure as failure:
            self._say(str(failure))

    def stop(self) -> None:
        """End wave by wave, the last first: all of a wave are asked at once."""
        for wave in reversed(self.waves):
            for program in wave:
                program.end()
            until = time.monotonic() + PATIENCE
            for program in wave:
                program.wait(until)


def obey_signals() -> None:
    """Make every request to end look like Ctrl-C, from the first moment on."""
    for number in ENDINGS:
        # What a shell has set aside for us, as nohup does, stays set aside.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def heed_no_signals() -> None:
    """While things are ended in order a second Ctrl-C must not tear that apart."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
