"""Work on an import for some seconds: claim it, continue where it stopped, hand it back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from listmgr.imports import duplicates as doubles
from listmgr.imports.apply_batch import (
    ConcurrentInsert,
    ImportTarget,
)
from listmgr.imports.batches import ParsedBatch, Preparer, batches
from listmgr.imports.control import declaration_digest, facts_of, form_of
from listmgr.imports.file_store import (
    digest_of,
    kept,
)
from listmgr.imports.lifecycle import WORKING, ImportAction, ImportStatus, next_status
from listmgr.imports.models import Import, ImportBatch, Phase
from listmgr.imports.plan import Plan
from listmgr.imports.prepared_batches import (
    BatchNotPrepared,
    PreparedBatch,
    ready,
    recipe_of,
)
from listmgr.imports.process_batch import (
    BatchJob,
    ImportStopped,
    check_held,
    process_batch,
)
from listmgr.imports.readers.tables import tables
from listmgr.imports.sweep import forget
from listmgr.kit import shutdown
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import UnitOfWork
from listmgr.subscribers.field_catalogue import catalogue

SECONDS = 20.0
LEASE = timedelta(seconds=60)
# So many batches are loaded at a time, each by a process of PostgreSQL: of what the look before
# has kept, or of a file while its next batch is read.
LOADERS, LOADERS_OF_FILE = 4, 2
AGAIN = 5
# What another writer, or a server that restarts, may cost us: the batch is done again, or later.
RETRYABLE = (ConcurrentInsert, OperationalError)
CHANGED = N_(
    "The file differs from the one that was checked. Nothing more of it has been imported."
)
Clock = Callable[[], datetime]


def work_slice(
    uow: UnitOfWork, import_id: int, holder: str, *, now: Clock, seconds: float = SECONDS
) -> bool:
    """Continue an import; return whether work is left. Safe to run twice and to be killed."""
    record = _claim(uow, import_id, holder)
    if record is None:
        return False
    try:
        done = _pass(uow, record, holder, now=now, seconds=seconds)
    except ImportStopped:
        return False
    except InvalidInput as error:
        _give_up(uow, import_id, holder, str(error), now())
        return False
    except OperationalError:
        # The database is away or restarts: the sweep rings again when the lease has run out.
        return False
    return _hand_back(uow, record, holder, done=done, at=now())


def _claim(uow: UnitOfWork, import_id: int, holder: str) -> Import | None:
    """Claim the import unless another worker holds it; return None if there is nothing to do.

    The database decides whether a lease has expired, since the clocks of hosts may differ.
    """
    present = sa.func.clock_timestamp()
    with uow() as tx:
        return tx.session.scalars(
            sa.update(Import)
            .where(
                Import.id == import_id,
                Import.status.in_(WORKING),
                sa.or_(
                    Import.lease_until.is_(None), Import.lease_until < sa.func.clock_timestamp()
                ),
            )
            .values(holder=holder, lease_until=present + LEASE)
            .returning(Import)
        ).one_or_none()


def _pass(uow: UnitOfWork, record: Import, holder: str, *, now: Clock, seconds: float) -> bool:
    """Run the check or the run until time is up; return whether it is complete."""
    with uow() as tx:
        file = kept(uow, record.id, record.size)
        if digest_of(file) != record.sha256 or _said_otherwise(record):
            raise InvalidInput(CHANGED)
        plan = Plan.from_stored(record.plan)
        fields = catalogue(tx.session)
        settings = tx.settings
        recipe = recipe_of(settings, fields)
    prepare = Preparer(
        plan, fields, key=settings.suppression_key, now=now(), ip_storage=settings.ip_storage
    )
    phase = Phase.RUN if record.status is ImportStatus.RUNNING else Phase.CHECK
    work = BatchJob(phase, _aim(record, plan), record.columns, holder, record.status, recipe)
    loading = _BatchLoader(uow, work, now, time.monotonic() + seconds)

    def read(selects: Callable[[int], bool]) -> Iterator[ParsedBatch]:
        found_in = batches(tables(file, form_of(record)))
        return (prepare(batch) for batch in found_in if selects(batch.number))

    if phase is Phase.RUN and not loading.all(_kept(uow, work), LOADERS):
        return False
    done = _done(uow, work)
    if phase is Phase.RUN and done >= _done(uow, replace(work, phase=Phase.CHECK)):
        return True
    if not loading.all(read(lambda number: number not in done), LOADERS_OF_FILE):
        return False
    if phase is Phase.RUN:
        return True
    twice = loading.doubles()
    again = replace(loading, work=replace(work, again=True))
    return not twice or again.all(read(twice.__contains__), LOADERS_OF_FILE)


def _said_otherwise(record: Import) -> bool:
    return record.status is ImportStatus.RUNNING and declaration_digest(record) != record.checked


def _aim(record: Import, plan: Plan) -> ImportTarget:
    return ImportTarget(
        import_id=record.id,
        purpose_id=record.purpose_id or 0,
        language=plan.language,
        update=plan.update,
        actor=f"operator:{record.started_by or record.declared_by or 0}",
        facts=facts_of(record),
    )


def _done(uow: UnitOfWork, work: BatchJob) -> set[int]:
    with uow() as tx:
        return set(
            tx.session.scalars(
                sa.select(ImportBatch.number).where(
                    ImportBatch.import_id == work.aim.import_id, ImportBatch.phase == work.phase
                )
            )
        )


def _kept(uow: UnitOfWork, work: BatchJob) -> Iterator[PreparedBatch]:
    with uow() as tx:
        stored = ready(tx, work.aim.import_id, work.recipe)
    yield from stored


@dataclass(slots=True)
class _BatchLoader:
    """Reads ahead in this thread while other threads load batches."""

    uow: UnitOfWork
    work: BatchJob
    now: Clock
    end: float

    def all(self, waiting: Iterator[ParsedBatch] | Iterator[PreparedBatch], loaders: int) -> bool:
        """Load every batch; return False if time ran out."""
        under_way: list[Future[None]] = []
        renewed = time.monotonic()
        with _quick_turns(), ThreadPoolExecutor(loaders, thread_name_prefix="import") as pool:
            for prepared in waiting:
                if time.monotonic() > self.end or shutdown.requested():
                    return False
                # So many are held in memory, and this one.
                while len(under_way) >= loaders:
                    under_way.pop(0).result()
                under_way.append(pool.submit(self._load, prepared))
                del prepared
                if time.monotonic() - renewed > LEASE.total_seconds() / 4:
                    self._renew()
                    renewed = time.monotonic()
            for future in under_way:
                future.result()
        return True

    def doubles(self) -> set[int]:
        """Return the batches with duplicate rows once all batches were read."""
        self._renew()
        with self.uow() as tx:
            check_held(tx, self.work)
            return doubles.find_batches(tx, self.work.aim.import_id)

    def _load(self, prepared: ParsedBatch | PreparedBatch) -> None:
        for left in reversed(range(AGAIN)):
            try:
                with self.uow() as tx:
                    process_batch(tx, self.work, prepared, at=self.now())
            except BatchNotPrepared:
                # It stays undone, and the file is read for it afterwards.
                return
            except RETRYABLE as error:
                if not left or (isinstance(error, DBAPIError) and error.connection_invalidated):
                    raise
            else:
                return

    def _renew(self) -> None:
        with self.uow() as tx:
            check_held(tx, self.work)
            tx.session.execute(
                sa.update(Import)
                .where(Import.id == self.work.aim.import_id, Import.holder == self.work.holder)
                .values(lease_until=sa.func.clock_timestamp() + LEASE)
            )


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Shorten the thread switch interval: a loader would wait 5 ms for the reading thread."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 10)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _hand_back(uow: UnitOfWork, record: Import, holder: str, *, done: bool, at: datetime) -> bool:
    """Finish the phase if it is complete and release the import; return whether work is left."""
    with uow() as tx:
        row = tx.session.get(Import, record.id, with_for_update=True)
        if row is None or row.holder != holder or row.status is not record.status:
            return False
        row.lease_until = None
        if not done:
            return True
        if row.status is ImportStatus.RUNNING:
            row.status = next_status(row.status, ImportAction.FINISH)
            row.ended_at = at
        else:
            row.status = next_status(row.status, ImportAction.CHECKED)
            row.checked = declaration_digest(row)
            row.rows_total = _rows(tx.session, row.id)
        return False


def _rows(session: Session, import_id: int) -> int:
    return int(
        session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(ImportBatch.rows), 0)).where(
                ImportBatch.import_id == import_id, ImportBatch.phase == Phase.CHECK
            )
        )
        or 0
    )


def _give_up(uow: UnitOfWork, import_id: int, holder: str, why: str, at: datetime) -> None:
    """Record what is wrong with the file: a check returns to its description, a run ends."""
    with uow() as tx:
        row = tx.session.get(Import, import_id, with_for_update=True)
        if row is None or row.holder != holder or row.status not in WORKING:
            return
        running = row.status is ImportStatus.RUNNING
        row.status = next_status(
            row.status, ImportAction.CANCEL if running else ImportAction.DESCRIBE
        )
        row.problem, row.lease_until = why, None
        if running:
            row.ended_at = at
            forget(tx, row, at=at)
