"""Allow one installation for each data directory, including processes a dead one left behind."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from listmgr.runtime.data_folder import prepare_data_folder
from listmgr.runtime.errors import RuntimeFailure

# What a killed installation may need to write its data out and end.
GASP_SECONDS = 30.0


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Lock the directory. Raises RuntimeFailure if another installation uses it.

    Children inherit the lock: after a `kill -9` it is free once the last of them is gone, so that
    two PostgreSQL servers never use the same files.
    """
    try:
        prepare_data_folder(data_dir)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        file = os.fdopen(os.open(data_dir / "lock", flags, 0o640), "a+")
    except OSError as error:
        raise RuntimeFailure(
            f"{data_dir} cannot be written to ({error.strerror}). Give another folder: --data-dir"
        ) from None
    with file:
        _take(file, data_dir)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        os.set_inheritable(file.fileno(), True)
        yield


def _take(file: IO[str], data_dir: Path) -> None:
    end = time.monotonic() + GASP_SECONDS
    while not _locked(file):
        file.seek(0)
        holder = file.read().strip()
        if _lives(holder):
            raise RuntimeFailure(
                f"listmgr already runs over {data_dir} (process {holder}). Stop it first, or give "
                "another folder: --data-dir"
            )
        if time.monotonic() > end:
            raise RuntimeFailure(f"Something left of an earlier listmgr still holds {data_dir}.")
        time.sleep(0.1)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: str) -> bool:
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
