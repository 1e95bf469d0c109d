"""One transaction for each request or job, committed once at its end; then its jobs are queued."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.kit.queue import Job

_SOON = sa.text("SET LOCAL synchronous_commit = off")
# How often what may run twice is run when PostgreSQL ends it in favour of another transaction.
CONFLICT_ATTEMPTS = 3
_CONFLICTS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Transaction:
    """What a use case gets: the session, the settings, and a list of jobs."""

    session: Session
    settings: Settings
    jobs: list[Job] = field(default_factory=list)
    # Whether something in it goes into the journal outside the database, at once.
    journaled: bool = False

    def after_commit(self, job: Job) -> None:
        """Add a job, queued only after the commit succeeded."""
        self.jobs.append(job)

    def commit_soon(self) -> None:
        """Do not wait for the disk at the commit: a crash of the machine may undo it.

        The next commit that waits also persists this one.
        """
        self.session.execute(_SOON)

    def hold_loaded(self) -> None:
        """Keep every loaded row until the end; a session drops those nobody refers to.

        For short transactions in which several steps read the same rows.
        """
        held: list[object] = self.session.info.setdefault("held", [])
        for event in ("loaded_as_persistent", "pending_to_persistent"):
            sa.event.listen(self.session, event, lambda _session, row: held.append(row))


# Opens one unit of work: a transaction that commits when its block ends without an error.
UnitOfWork = Callable[[], AbstractContextManager[Transaction]]


@contextmanager
def transaction(
    new_session: Callable[[], Session],
    settings: Settings,
    ring: Callable[[list[Job]], object],
    keep: Callable[[], object] | None = None,
) -> Iterator[Transaction]:
    """Commit once at the end, then write the journal (`keep`) and queue jobs (`ring`); roll back on
    any error.

    Jobs do not use SQLAlchemy's commit event, which also fires when a savepoint is released.
    """
    with new_session() as session:
        tx = Transaction(session, settings)
        with session.begin():
            yield tx
    if tx.journaled and keep is not None:
        keep()
    if tx.jobs:
        ring(tx.jobs)


def retry_conflicts(work: Callable[P, T]) -> Callable[P, T]:
    """Run `work` again if PostgreSQL ended its transaction to resolve a deadlock (40P01, 40001).

    For work that may run twice as a whole, such as jobs. The last conflict is raised.
    """

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(CONFLICT_ATTEMPTS - 1):
            try:
                return work(*args, **kwargs)
            except sa.exc.OperationalError as error:
                if not isinstance(error.orig, _CONFLICTS):
                    raise
        return work(*args, **kwargs)

    return run
