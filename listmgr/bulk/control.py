"""Start, pause, resume, cancel and undo mass updates."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.bulk.actions import (
    FOR_GOOD,
    RIGHT_FOR,
)
from listmgr.bulk.apply import count_verdicts
from listmgr.bulk.lifecycle import BUSY, ENDED, BulkDeed, BulkStatus, next_status
from listmgr.bulk.models import BulkAct, BulkUndoValue
from listmgr.bulk.prepare import job
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.operators.models import Role
from listmgr.operators.roles import may
from listmgr.selections.freeze import chunk_ids
from listmgr.selections.models import Selection

UNDO_DAYS = 30
# An act that was prepared and never started, and one nothing can be done with any more.
FORGOTTEN = timedelta(days=1)
PAGE = 50
# Up to so many people are counted again while the operator waits: about two seconds of them.
MOST_RECOUNTED = 200_000


def lock_bulk_act(tx: Transaction, act_id: int) -> BulkAct:
    """Return the mass update, locked until the commit. Raises NotFound."""
    act = tx.session.get(BulkAct, act_id, with_for_update=True, populate_existing=True)
    if act is None:
        raise NotFound(N_("There is no such mass update."))
    return act


def steer(tx: Transaction, act_id: int, deed: BulkDeed, *, role: Role, at: datetime) -> BulkAct:
    """Apply an action to a mass update. Raises Refused if its state or the role does not
    allow it.
    """
    act = lock_bulk_act(tx, act_id)
    if not may(role, RIGHT_FOR[act.kind]):
        raise Refused(N_("Your role does not include this."))
    if deed is BulkDeed.UNDO and not can_undo(act, at):
        raise Refused(N_("This cannot be undone (any more)."))
    act.status = next_status(act.status, deed)
    if deed is BulkDeed.START:
        act.started_at = at
        act.undo_until = None if act.kind in FOR_GOOD else at + timedelta(days=UNDO_DAYS)
        _forget_words(act)
    elif deed is BulkDeed.UNDO:
        act.position = 0
        act.undone = {}
    elif deed is BulkDeed.CANCEL:
        act.ended_at = at
        _forget_words(act)
    if act.status in BUSY:
        tx.after_commit(job(act.id))
    tx.session.flush()
    return act


def recount(tx: Transaction, act_id: int) -> int:
    """Count again what would happen to the chosen people; return how many would change.

    Above `MOST_RECOUNTED` people the worker's figures stay; the run judges each person anew anyway.
    """
    act = lock_bulk_act(tx, act_id)
    if act.status is BulkStatus.READY and act.selection and act.people <= MOST_RECOUNTED:
        counts: Counter[str] = Counter()
        for n in range(act.selection.chunks):
            ids = chunk_ids(tx.session, act.selection.id, n)
            counts.update(count_verdicts(tx.session, act, ids))
        act.foreseen = dict(sorted(counts.items()))
        tx.session.flush()
    return int(act.foreseen.get("change", 0))


def can_undo(act: BulkAct, at: datetime) -> bool:
    """Whether the mass update can still be undone."""
    ended = act.status in {BulkStatus.FINISHED, BulkStatus.CANCELLED}
    return ended and act.undo_until is not None and at < act.undo_until and bool(act.done)


def _forget_words(act: BulkAct) -> None:
    """Delete the search terms, which may contain an address, once they are no longer needed."""
    if act.selection is not None:
        act.selection.search = {}


def sweep(tx: Transaction) -> None:
    """Queue mass updates whose job was lost."""
    for act in tx.session.scalars(sa.select(BulkAct).where(BulkAct.status.in_(BUSY))):
        tx.after_commit(job(act.id))


def purge(tx: Transaction, *, at: datetime) -> int:
    """Delete the undo values and chosen people of mass updates that can no longer be undone."""
    old = sa.or_(
        sa.and_(BulkAct.status.in_(ENDED), BulkAct.undo_until.is_(None)),
        sa.and_(BulkAct.status.not_in(BUSY), BulkAct.undo_until <= at),
        sa.and_(BulkAct.status == BulkStatus.READY, BulkAct.created_at < at - FORGOTTEN),
    )
    due = tx.session.scalars(
        sa.select(BulkAct)
        .where(BulkAct.selection_id.is_not(None), old)
        .with_for_update(skip_locked=True)
    ).all()
    for act in due:
        _forget(tx, act, at)
    return len(due)


def _forget(tx: Transaction, act: BulkAct, at: datetime) -> None:
    if act.status not in ENDED:
        act.status = BulkStatus.CANCELLED
        act.ended_at = at
    selection_id, act.selection_id = act.selection_id, None
    act.undo_until, act.value = None, ""
    tx.session.flush()
    tx.session.execute(sa.delete(BulkUndoValue).where(BulkUndoValue.act_id == act.id))
    tx.session.execute(sa.delete(Selection).where(Selection.id == selection_id))


def find_act(session: Session, act_id: int) -> BulkAct:
    """Return the mass update for reading. Raises NotFound."""
    act = session.get(BulkAct, act_id)
    if act is None:
        raise NotFound(N_("There is no such mass update."))
    return act


def acts(session: Session, *, below: int | None = None, size: int = PAGE) -> list[BulkAct]:
    """Return the newest mass updates, or those below an id."""
    query = sa.select(BulkAct).order_by(BulkAct.id.desc()).limit(size)
    return list(session.scalars(query if below is None else query.where(BulkAct.id < below)))
