"""Keep the parts of an installation alive and stop them in order."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from listmgr.runtime.accounts import PROGRAMS
from listmgr.runtime.process import Child, RuntimeFailure, fork, spawn, stop

PATIENCE = 10.0
# Seconds until what has died is started again; twice as many each time, while it keeps dying.
SHORTEST_WAIT, LONGEST_WAIT = 0.2, 60.0
# Who has lived for so many seconds died by accident.
LIVED = 60.0
LOOKED_EVERY = 0.5
# Without it nothing can go on; so many starts in vain, some minutes long, are for good.
VITAL, FOR_GOOD = "postgres", 10
# How often those that can be asked are asked, and how many silences in a row are one too many.
ASKED_EVERY, SILENCES = 5.0, 6
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Service(Protocol):
    """A restartable part: one of our programs, or an embedded server."""

    @property
    def name(self) -> str:
        """Display name."""

    def start(self) -> object:
        """Start it. Raises RuntimeFailure if it does not come up."""

    def alive(self) -> bool:
        """Whether its process runs."""


@dataclass(slots=True)
class Program:
    """One of our child processes. Secrets reach it by its environment only."""

    name: str
    # A command, or a function: called in a fork, it shares what is loaded here.
    run: Sequence[str | Path] | Callable[[], object]
    env: Mapping[str, str]
    # None: where our own output goes.
    log: Path | None
    # Asked now and then; a program that runs and does not answer is started again.
    answers: Callable[[], bool] | None = None
    silences: int = 0
    process: subprocess.Popen[bytes] | Child | None = None

    def start(self) -> None:
        """Start it."""
        self.silences = 0
        if callable(self.run):
            self.process = fork(self.run, log=self.log, env=self.env)
        else:
            assert self.log is not None
            self.process = spawn(self.run, log=self.log, env=self.env, account=PROGRAMS)

    def ended_well(self) -> bool:
        """Whether it ended by itself without an error, as a worker does after its last job."""
        return self.process is not None and self.process.poll() == 0

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def ask(self) -> None:
        """Kill it if it has been silent for too long."""
        if self.answers is None or not self.alive():
            return
        self.silences = 0 if self.answers() else self.silences + 1
        if self.silences >= SILENCES and self.process is not None:
            stop(self.process, signal.SIGTERM, PATIENCE)

    def end(self) -> None:
        """Ask it to stop."""
        if self.process is not None and self.alive():
            self.process.terminate()

    def wait(self, until: float) -> None:
        """Wait until it has ended; kill it when time is up."""
        if self.process is not None:
            stop(self.process, signal.SIGTERM, max(0.1, until - time.monotonic()))


@dataclass(slots=True)
class _RestartState:
    """When a part was last started, and when it may start again (monotonic seconds)."""

    since: float
    wait: float = SHORTEST_WAIT / 2
    over: bool = False
    next_start: float = 0.0
    starts_in_vain: int = 0

    def end(self, at: float) -> float:
        """Record its death; return the seconds until it may start again."""
        self.wait = SHORTEST_WAIT if at - self.since > LIVED else min(self.wait * 2, LONGEST_WAIT)
        self.over, self.next_start = True, at + self.wait
        return self.wait

    def begin(self, at: float) -> None:
        """Record its start."""
        self.since, self.over, self.next_start = at, False, at


class Supervisor:
    """Starts programs in waves, restarts those that die, stops the last wave first.

    It watches the servers too, but whoever started them stops them.
    """

    def __init__(
        self,
        waves: Sequence[Sequence[Program]],
        servers: Sequence[Service],
        say: Callable[[str], object],
    ) -> None:
        self.waves = waves
        self.programs = [program for wave in waves for program in wave]
        self.parts: list[Service] = [*servers, *self.programs]
        self._say = say
        self._lives = {part.name: _RestartState(time.monotonic()) for part in self.parts}
        self._asked = time.monotonic()

    def start(self) -> None:
        """Start every program."""
        for program in self.programs:
            program.start()

    def watch(self) -> None:
        """Watch until KeyboardInterrupt. Raises RuntimeFailure if PostgreSQL cannot be
        restarted.
        """
        while not _stop_requested:
            time.sleep(LOOKED_EVERY)
            self.look()
        raise KeyboardInterrupt

    def look(self) -> None:
        """Restart what has died and kill what no longer answers.

        A part that keeps dying is restarted at ever longer intervals and does not affect the
        others.
        """
        for part in self.parts:
            if not part.alive():
                self._revive(part)
        if time.monotonic() - self._asked > ASKED_EVERY:
            self._asked = time.monotonic()
            for program in self.programs:
                program.ask()

    def _revive(self, part: Service) -> None:
        life, at = self._lives[part.name], time.monotonic()
        if isinstance(part, Program) and part.ended_well():
            life.begin(at)
        elif not life.over:
            wait = life.end(at)
            self._say(f"{part.name} has ended; starting it again in {wait:.1f} s.")
        if at < life.next_start:
            return
        life.begin(at)
        try:
            part.start()
        except (RuntimeFailure, OSError) as failure:
            life.starts_in_vain += 1
            if part.name == VITAL and life.starts_in_vain >= FOR_GOOD:
                raise RuntimeFailure(f"{part.name} does not start any more: {failure}") from None
            self._say(str(failure))
        else:
            life.starts_in_vain = 0

    def stop(self, patience: float = PATIENCE) -> None:
        """Stop wave by wave, the last first; all parts of a wave together.

        Kill what has not ended after this many seconds.
        """
        for wave in reversed(self.waves):
            for program in wave:
                program.end()
            until = time.monotonic() + patience
            for program in wave:
                program.wait(until)


# Python ignores an exception that a signal handler raises inside a finalizer or a callback: then
# this tells of the signal.
_stop_requested = False


def install_signal_handlers() -> None:
    """Turn every request to stop into a KeyboardInterrupt, from the first moment on."""
    for number in ENDINGS:
        # What a shell has set aside for us, as nohup does, stays set aside.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, request_stop)


def request_stop(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal: raise KeyboardInterrupt, and have `watch` raise it if that was ignored."""
    global _stop_requested  # noqa: PLW0603 - handlers have no other place
    _stop_requested = True
    raise KeyboardInterrupt


def ignore_signals() -> None:
    """Ignore further requests, so that a second Ctrl-C does not interrupt an orderly stop."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
