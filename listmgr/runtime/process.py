"""Start processes that end with their parent, under accounts of their own if we are root."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

from listmgr.runtime.accounts import POSTGRES, PROGRAMS, become, groups_of, unprivileged
from listmgr.runtime.errors import RuntimeFailure as RuntimeFailure  # noqa: PLC0414 - exported

_PR_SET_PDEATHSIG = 1
# Loaded here and not in a child between fork and exec, where little is allowed.
_libc = ctypes.CDLL(None)


def reachable_by_all(path: Path) -> bool:
    """Whether other accounts can reach a path: every folder above is passable."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents))


def open_log(path: Path) -> IO[bytes]:
    """Open a private log file for appending; refuse a link."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o640)
    with suppress(PermissionError):
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o640)
    return os.fdopen(descriptor, "ab")


def die_with(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """In a child: request the signal `by` for when its parent ends, however that happens.

    The kernel ties this to the forking thread: parents fork in their main thread.
    """
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, int(by))
    if os.getppid() != parent:
        os._exit(1)


def spawn(
    argv: Sequence[str | Path],
    *,
    log: Path,
    dies_by: signal.Signals = signal.SIGKILL,
    env: Mapping[str, str] | None = None,
    drop: bool = True,
    account: str = POSTGRES,
) -> subprocess.Popen[bytes]:
    """Start a process that gets `dies_by` when we end, however that happens; output goes to `log`.

    As root, unless `drop` is False, it runs under an account.
    """
    owner = unprivileged(account) if drop else None
    parent = os.getpid()
    with open_log(log) as output:
        return subprocess.Popen(  # noqa: S603 - our own argument vectors, no shell
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent, dies_by),  # noqa: PLW1509 - no threads run yet
            # Python closes what is not marked; what is marked is the lock of the data directory,
            # which is free again only when the last process that holds it is gone.
            close_fds=False,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=groups_of(account) if owner else None,
            # Where we stand may be closed to it.
            cwd="/" if owner else None,
        )


class Child:
    """A forked process with the methods of Popen that its parent uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code once it has ended."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.02)
        return code

    def send_signal(self, by: int) -> None:
        """Send it a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, by)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def fork(run: Callable[[], object], *, log: Path | None, env: Mapping[str, str]) -> Child:
    """Call `run` in a child that shares what is loaded here and ends with us.

    Output goes to `log`, or where ours goes. Only for a process without threads.
    """
    parent = os.getpid()
    # A signal between the fork and the child's own handlers would raise in its copy of our stack.
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        pid = os.fork()
        if pid == 0:
            _be_child(run, parent, log, env, signals)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    return Child(pid)


def _be_child(
    run: Callable[[], object],
    parent: int,
    log: Path | None,
    env: Mapping[str, str],
    signals: set[signal.Signals],
) -> NoReturn:
    code = 1
    try:
        os.setsid()
        die_with(parent)
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        _redirect(log)
        become(PROGRAMS)
        # Another account's child has forgotten it.
        die_with(parent)
        os.environ.clear()
        os.environ.update(env)
        run()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - the copy of our parent's stack must not go on
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _redirect(log: Path | None) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if log is not None:
        with open_log(log) as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)


def stop(process: subprocess.Popen[bytes] | Child, by: signal.Signals, seconds: float) -> None:
    """Ask a process to stop, and kill it if it does not."""
    if process.poll() is not None:
        return
    process.send_signal(by)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
