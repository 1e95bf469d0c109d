"""Replay this host's journals into a restored database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from listmgr.config import Settings
from listmgr.installation.identity_file import IdentityFile
from listmgr.kit.clock import now
from listmgr.kit.installation_state import Installation
from listmgr.kit.transaction import UnitOfWork
from listmgr.privacy import erasure_journal

BATCH = 1000


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Result of a replay."""

    acts: int
    done_again: int
    damaged: int


def journals(data_dir: Path) -> list[Path]:
    """Return the journals in a data directory."""
    names = (erasure_journal.ERASURES_FILE_NAME, erasure_journal.FILE_NAME)
    return [path for name in names if (path := data_dir / name).exists()]


def replay_files(uow: UnitOfWork, paths: Iterable[Path]) -> ReplayResult:
    """Replay journals, some acts in each transaction; safe to run twice. Raises OSError."""
    read = erasure_journal.read_files(paths)
    count = 0
    for lines in read.batches(BATCH):
        with uow() as tx:
            count += erasure_journal.replay(tx, lines, at=now())
    with uow() as tx:
        tx.session.execute(
            sa.update(Installation).values(
                replayed=Installation.replayed + count, replayed_at=sa.func.clock_timestamp()
            )
        )
    return ReplayResult(len(read.latest), count, read.damaged)


def catch_up(uow: UnitOfWork, settings: Settings) -> ReplayResult | None:
    """Replay this host's journals once after each hold; None if mailing is not on hold."""
    witness = IdentityFile(settings.data_dir)
    seen = witness.read()
    with uow() as tx:
        row = tx.session.scalars(sa.select(Installation)).one_or_none()
        if row is None or seen is None or seen.generation >= row.generation:
            return None
        generation, mark = row.generation, row.mark
    replayed = replay_files(uow, journals(settings.data_dir))
    with suppress(OSError), witness.locked():
        seen = witness.read() or seen
        witness.write(replace(seen, generation=generation, mark=mark))
    return replayed
