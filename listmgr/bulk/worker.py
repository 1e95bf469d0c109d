"""Run a mass update chunk by chunk; each commit holds the changes and the progress."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from listmgr.bulk.actions import (
    BulkKind,
    change_of,
    verdict_of,
)
from listmgr.bulk.apply import (
    binds_of,
    change_chunk,
    count_verdicts,
    undo_chunk,
)
from listmgr.bulk.control import lock_bulk_act
from listmgr.bulk.lifecycle import BUSY, BulkStatus
from listmgr.bulk.models import BulkAct
from listmgr.consent.methods import Method, RecordedBy
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw_many
from listmgr.kit import shutdown
from listmgr.kit.errors import NotFound
from listmgr.kit.transaction import Transaction, UnitOfWork
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.selections.freeze import (
    chunk_ids,
    gather,
)
from listmgr.selections.models import Selection
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress_many

# A worker that is told to end waits for its slice: ten seconds are its patience.
SLICE_SECONDS = 8.0


class Erase(Protocol):
    """Callback that erases people from every package; callers above this one provide it."""

    def __call__(
        self, tx: Transaction, subscriber_ids: Sequence[int], *, actor: str, at: datetime
    ) -> int:
        """Erase people; return how many."""
        ...


def run_slice(
    uow: UnitOfWork,
    act_id: int,
    *,
    erase: Erase,
    now: Callable[[], datetime],
    seconds: float = SLICE_SECONDS,
) -> bool:
    """Work for up to `seconds`; return whether work is left."""
    end = time.monotonic() + seconds
    more = True
    while more and time.monotonic() < end and not shutdown.requested():
        with uow() as tx:
            more = step(tx, act_id, erase=erase, at=now())
    return more


def step(tx: Transaction, act_id: int, *, erase: Erase, at: datetime) -> bool:
    """Process one chunk and its checkpoint in one transaction; return False if nothing is to do.

    The row is locked: concurrent workers take turns and process no chunk twice.
    """
    try:
        act = lock_bulk_act(tx, act_id)
    except NotFound:
        return False
    if act.status not in BUSY or act.selection_id is None:
        return False
    selection = tx.session.get_one(Selection, act.selection_id)
    if act.status is BulkStatus.GATHERING:
        _gather(tx, act, selection, at)
    elif act.position >= selection.chunks:
        _end(tx, act, at)
    elif act.status is BulkStatus.RUNNING:
        done = _do(tx, act, chunk_ids(tx.session, selection.id, act.position), erase, at)
        act.done = _sum(act.done, done)
        act.position += 1
    else:
        act.undone = _sum(act.undone, undo_chunk(tx.session, act, act.position))
        act.position += 1
    tx.session.flush()
    return act.status in BUSY


def _gather(tx: Transaction, act: BulkAct, selection: Selection, at: datetime) -> None:
    ids = gather(tx, selection, at=at)
    act.people = selection.people
    act.foreseen = _sum(act.foreseen, count_verdicts(tx.session, act, ids))
    if selection.gathered_at is not None:
        act.status = BulkStatus.READY


def _end(tx: Transaction, act: BulkAct, at: datetime) -> None:
    undone = act.status is BulkStatus.UNDOING
    act.status = BulkStatus.UNDONE if undone else BulkStatus.FINISHED
    act.ended_at = at
    counts = act.undone if undone else act.done
    details = {"kind": act.kind, **counts}
    action = AuditAction.BULK_ACTION_UNDONE if undone else AuditAction.BULK_ACTION_FINISHED
    write_audit_entry(tx, act.operator_id, action, act.id, details, at=at)


def _do(
    tx: Transaction, act: BulkAct, ids: list[int], erase: Erase, at: datetime
) -> dict[str, int]:
    if change_of(act.kind, act.field) is not None:
        return change_chunk(tx.session, act, act.position, ids)
    counts = count_verdicts(tx.session, act, ids)
    statement = sa.text(
        "SELECT s.id FROM subscribers s WHERE s.id = ANY(:ids)"
        f" AND {verdict_of(act.kind, act.field)} = 'change' ORDER BY s.id FOR UPDATE"
    )
    people = list(tx.session.scalars(statement, {"ids": ids, **binds_of(act)}))
    ended = _for_good(tx, act, people, erase, at)
    return counts | {"change": len(people)} | ({"ended": ended} if ended else {})


def _for_good(tx: Transaction, act: BulkAct, people: list[int], erase: Erase, at: datetime) -> int:
    """Unsubscribe, block or erase; return how many consents ended."""
    actor = f"operator:{act.operator_id}"
    if act.kind is BulkKind.ERASE:
        erase(tx, _with_joined(tx, people), actor=actor, at=at)
        return 0
    method = Method(act.method)
    facts = RequestFacts(method=method, recorded_by=RecordedBy.STAFF_BULK)
    ended = withdraw_many(
        tx, people, purpose_id=act.purpose_id, method=method, actor=actor, facts=facts, at=at
    )
    if act.kind is BulkKind.OBJECT:
        query = sa.select(Subscriber.fingerprint).where(Subscriber.id.in_(people))
        suppress_many(tx, tx.session.scalars(query).all(), SuppressionReason.OBJECTED, at=at)
    return ended


def _with_joined(tx: Transaction, people: list[int]) -> list[int]:
    """Return the people with all records joined to theirs."""
    first = sa.func.coalesce(Subscriber.merged_into_id, Subscriber.id)
    firsts = tx.session.scalars(sa.select(first).where(Subscriber.id.in_(people))).all()
    theirs = sa.or_(Subscriber.id.in_(firsts), Subscriber.merged_into_id.in_(firsts))
    return list(tx.session.scalars(sa.select(Subscriber.id).where(theirs)))


def _sum(counts: dict[str, Any], other: dict[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(counts) + Counter(other)).items()))
