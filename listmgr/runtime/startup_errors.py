"""Explain why a server did not start, if its log gives a reason people can act on."""

from __future__ import annotations

import shutil
from pathlib import Path

from listmgr.runtime.process import RuntimeFailure

# A cluster with its first log files, and room to work.
LEAST_FREE = 200 * 1024 * 1024
_TAIL = 20_000
_REASONS = (
    (b"No space left on device", "The disk is full. Make room, and start again."),
    (b"Read-only file system", "The disk can only be read. Give another folder: --data-dir"),
    (
        b"append only file",
        "What Valkey kept cannot be read: the disk was full, or a newer version wrote it. Only what"
        " waits is in it, and that is found again: delete the folder `valkey` and start again.",
    ),
    (
        b"invalid page in block",
        "Data on the disk are damaged. Bring back a backup (docs/operating.md).",
    ),
)


def size_of(log: Path) -> int:
    """Return the size of a log; 0 if there is none."""
    return log.stat().st_size if log.exists() else 0


def failure(what: str, log: Path, since: int) -> RuntimeFailure:
    """Return the error of a server that did not start, with the reason its log gives since
    `since`.
    """
    if not log.exists():
        return RuntimeFailure(what)
    with log.open("rb") as file:
        file.seek(max(since, size_of(log) - _TAIL))
        written = file.read()
    reason = next((words for mark, words in _REASONS if mark in written), "")
    return RuntimeFailure(f"{what}; see {log}" if not reason else f"{what}. {reason} ({log})")


def refuse_full_disk(folder: Path) -> None:
    """Raise RuntimeFailure if there is no room for a new installation."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise RuntimeFailure(
            f"{folder} has only {free // 2**20} MB free, and {LEAST_FREE // 2**20} MB are needed."
            " Make room, or give another folder: --data-dir"
        )
