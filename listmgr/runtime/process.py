"""Starts processes that die with their parent, servers under another account when we are root."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded here and not in a child between fork and exec, where little is allowed.
_libc = ctypes.CDLL(None)


class RuntimeFailure(Exception):
    """An embedded server cannot run here; the message says what to do."""


def unprivileged() -> pwd.struct_passwd | None:
    """The account servers run under when we are root: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody")


def reachable_by_all(path: Path) -> bool:
    """Whether another account can come to a path: every folder above lets it through."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents))


def owned_folder(path: Path) -> Path:
    """A private folder for a server's data, owned by the account the server runs under."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    account = unprivileged()
    if account is not None:
        if not reachable_by_all(path.parent):
            raise RuntimeFailure(
                f"{path.parent} is closed to the account that runs the database; as root, set "
                "LISTMGR_DATA_DIR to a folder like /var/lib/listmgr."
            )
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(0o700)
    return path


def die_with(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Called in a child: it gets `by` when its parent ends, however that ends.

    The kernel ties this to the thread that forked: parents fork in their main thread.
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
) -> subprocess.Popen[bytes]:
    """Start a process that gets `dies_by` when we die, however we die; output goes to `log`."""
    account = unprivileged() if drop else None
    parent = os.getpid()
    with log.open("ab") as output:
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
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )


def stop(process: subprocess.Popen[bytes], by: signal.Signals, seconds: float) -> None:
    """Ask a process to end, and end it when it does not."""
    if process.poll() is not None:
        return
    process.send_signal(by)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
