"""What a data directory stores of the installation, outside the database, to compare both."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

FILE_NAME = "installation.json"
MACHINE = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class InstallationRecord:
    """The installation as this data directory last saw it."""

    id: str
    # Of which generation the journal has been replayed, and the highest mark seen in it.
    generation: int
    mark: int
    # How far the journal has been copied: the last entry's generation, xid and id, and the ids of
    # later entries that have been copied too.
    copied: tuple[int, int, int] = (0, 0, 0)
    beyond: tuple[int, ...] = ()
    # Where the data directory lies, kept where the database lies in it.
    folder: tuple[int, str, str] | None = None

    @property
    def position(self) -> tuple[int, int]:
        """The position the same database is never behind."""
        return self.generation, self.mark


class IdentityFile:
    """The file in one data directory; written atomically, by one process at a time."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._path = data_dir / FILE_NAME

    def read(self) -> InstallationRecord | None:
        """Return the stored state; None if there is none or it is unreadable."""
        try:
            document = json.loads(self._path.read_text())
            return InstallationRecord(
                id=str(document["id"]),
                generation=int(document["generation"]),
                mark=int(document["mark"]),
                copied=_three(document["copied"]),
                beyond=tuple(int(number) for number in document["beyond"]),
                folder=_folder(document["folder"]),
            )
        except (OSError, ValueError, TypeError, LookupError):
            return None

    @contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[None]:
        """Lock the file for one process. Raises OSError if the directory is not writable.

        Also if another process holds the lock and `wait` is False.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield
        finally:
            os.close(descriptor)

    def write(self, seen: InstallationRecord) -> None:
        """Replace the stored state durably while holding the lock. Raises OSError."""
        draft = self._path.with_suffix(".tmp")
        with draft.open("w") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(asdict(seen), file)
            file.flush()
            os.fsync(file.fileno())
        # Whoever looks after it as root must not lock the account out that runs it.
        with suppress(OSError):
            owner = self._path.stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(self._path)

    def note(self, installation_id: str, generation: int, mark: int) -> None:
        """Store the mark of a database verified as ours.

        A directory that is not writable stores nothing: the database is compared with what the
        other hosts stored. If another process is writing, its mark is as recent; it may be the
        journal's writer, which opens this very connection.
        """
        seen = self.read()
        if seen is not None and (seen.generation, seen.mark) >= (generation, mark):
            return
        with suppress(OSError), self.locked(wait=False):
            seen = self.read()
            if seen is None or seen.id != installation_id:
                self.write(InstallationRecord(installation_id, generation, mark))
            elif seen.generation == generation and seen.mark < mark:
                self.write(replace(seen, mark=mark))

    def forget(self) -> None:
        """Detach the directory: it will belong to the next installation it meets."""
        self._path.unlink(missing_ok=True)


def folder_now(data_dir: Path) -> tuple[int, str, str]:
    """Return the directory's inode, its path, and the machine id."""
    try:
        machine = MACHINE.read_text().strip()
    except OSError:
        machine = ""
    return data_dir.stat().st_ino, str(data_dir.resolve()), machine


def is_copy(before: tuple[int, str, str] | None, now: tuple[int, str, str]) -> bool:
    """Whether a data directory is a copy of the one stored in it.

    A copy has another inode and exists beside the original or on another machine. A moved directory
    keeps its inode, or its original is gone.
    """
    return before is not None and before[0] != now[0] and before[1:] != now[1:]


def _three(values: list[int]) -> tuple[int, int, int]:
    first, second, third = values
    return int(first), int(second), int(third)


def _folder(values: list[object] | None) -> tuple[int, str, str] | None:
    if values is None:
        return None
    number, path, machine = values
    return int(str(number)), str(path), str(machine)
