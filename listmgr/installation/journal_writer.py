"""Copy the journal of acts out of the database, promptly and durably.

Each copy advances the mark in a commit that waits for the disk and precedes the file: PostgreSQL
has everything the file contains, and a database that lacks some of it is an older one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from listmgr.config import Settings
from listmgr.installation.identity_file import (
    IdentityFile,
    InstallationRecord,
)
from listmgr.kit.journal_models import JournalEntry
from listmgr.privacy.erasure_journal import (
    FILE_NAME,
    Line,
)

log = logging.getLogger(__name__)

BATCH = 5000
# The file has them all; the table need not keep them longer than any host may be away.
KEPT_DAYS = 90

_MARK = sa.text(
    "UPDATE installation SET mark = mark + 1, marked_at = clock_timestamp()"
    " RETURNING id, generation, mark"
)
GATHER_SECONDS = 0.05
# One statement, so that the rows and the oldest xid under way are of one snapshot.
_NEW = sa.text(
    "SELECT id, generation, xid, at, kind, fingerprint, detail,"
    " (generation, xid) < (:current, (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint)"
    "  AS settled FROM journal_entries"
    " WHERE (generation, xid, id) > (:generation, :xid, :id)"
    "  AND id <> ALL (CAST(:beyond AS bigint[]))"
    " ORDER BY generation, xid, id LIMIT :batch"
)
_OLD = sa.text(
    "DELETE FROM journal_entries WHERE written_at < now() - make_interval(days => :days)"
    " AND id < (SELECT min(id) + :batch FROM journal_entries)"
)


class JournalWriter:
    """Copies the journal into a data directory; any number of processes may do so at once."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._data_dir = settings.data_dir
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def keep(self) -> int:
        """Copy new entries and advance the mark; return how many acts were copied.

        Never raises because of the data directory: what was not copied is copied next time.
        """
        try:
            return self._keep()
        except OSError as error:
            log.warning("the journal in %s cannot be written: %s", self._data_dir, error.strerror)
        except sa.exc.DBAPIError as error:
            log.warning("the journal waits for the database: %s", type(error).__name__)
        return 0

    def soon(self) -> None:
        """Have a thread copy at once, so that a withdrawal does not wait for two disks."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            # Acts of a busy moment share a copy, with its two waits for the disk.
            time.sleep(GATHER_SECONDS)
            self._wake.clear()
            self.keep()

    def _keep(self) -> int:
        witness = IdentityFile(self._data_dir)
        if witness.read() is None:
            return 0
        count = 0
        with witness.locked():
            more = True
            while more:
                copied = self._copy(witness)
                count += copied
                more = copied == BATCH
        return count

    def _copy(self, witness: IdentityFile) -> int:
        seen = witness.read()
        if seen is None:
            return 0
        with self._engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL synchronous_commit = local"))
            row = connection.execute(_MARK).one_or_none()
            if row is None or row.id != seen.id:
                connection.rollback()
                return 0
            entries = connection.execute(
                _NEW,
                {
                    "current": row.generation,
                    "generation": seen.copied[0],
                    "xid": seen.copied[1],
                    "id": seen.copied[2],
                    "beyond": list(seen.beyond),
                    "batch": BATCH,
                },
            ).all()
            connection.execute(_OLD, {"days": KEPT_DAYS, "batch": BATCH})
        append(self._data_dir / FILE_NAME, [_line(entry) for entry in entries])
        seen = _further(seen, entries)
        # What the journal of an earlier generation tells has not been replayed yet.
        if row.generation == seen.generation:
            seen = replace(seen, mark=max(seen.mark, row.mark))
        witness.write(seen)
        return len(entries)


def _further(seen: InstallationRecord, entries: Sequence[Any]) -> InstallationRecord:
    """Advance the position by consecutive entries; remember those ahead of an open transaction."""
    settled = [entry for entry in entries if entry.settled]
    ahead = {entry.id for entry in entries if not entry.settled}
    copied = seen.copied
    if settled:
        last = settled[-1]
        copied = (last.generation, last.xid, last.id)
    return replace(seen, copied=copied, beyond=tuple(sorted({*seen.beyond, *ahead}))[-BATCH:])


def _line(entry: JournalEntry | Any) -> str:  # noqa: ANN401 - a row with the same names
    return str(Line(entry.at, entry.kind, entry.fingerprint, entry.detail))


def append(path: Path, lines: Sequence[str]) -> None:
    """Append lines durably, after completing a line that a kill left half written."""
    if not lines:
        return
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        broken = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        file.write((("\n" if broken else "") + "\n".join(lines) + "\n").encode())
        file.flush()
        os.fsync(descriptor)
    if new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
