"""Seal new ledger events periodically, so that later tampering is detectable."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from listmgr.consent.hash_chain import (
    LedgerEntry,
    chain_breaks,
    merkle_root,
    seal,
)
from listmgr.consent.models import ConsentEvent, LedgerAnchor
from listmgr.kit.transaction import Transaction, UnitOfWork

BATCH = 100_000


# Of the advisory lock that lets one process at a time seal.
LOCK = 7_120_415
# Everybody who writes events waits while the newest settled one is asked for: never long, also
# when another writer or this process is stopped in the middle.
_NEVER_LONG = (
    "SELECT set_config('lock_timeout', '2s', true),"
    " set_config('idle_in_transaction_session_timeout', '2s', true)"
)


def anchor(uow: UnitOfWork, *, at: datetime) -> int:
    """Seal the events since the last anchor, at most 100,000; return how many.

    Raises sqlalchemy.exc.OperationalError if a writer does not finish within two seconds, and
    InternalError if this process was stopped for as long.
    """
    with uow() as tx:
        settled = settled_event_id(tx)
    with uow() as tx:
        return _seal_up_to(tx, settled, at)


def settled_event_id(tx: Transaction) -> int:
    """Return the highest event id below which no event can appear any more.

    A running writer may hold a lower id than one that has committed; under this lock there is none.
    """
    tx.session.execute(sa.text(_NEVER_LONG))
    tx.session.execute(sa.text("SELECT lock_consent_events()"))
    return tx.session.scalar(sa.select(sa.func.max(ConsentEvent.id))) or 0


def _seal_up_to(tx: Transaction, settled: int, at: datetime) -> int:
    if not tx.session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
        return 0
    last = tx.session.scalars(
        sa.select(LedgerAnchor).order_by(LedgerAnchor.id.desc()).limit(1)
    ).one_or_none()
    floor = last.last_event_id if last else 0
    rows = tx.session.execute(
        sa.select(ConsentEvent.id, ConsentEvent.hash)
        .where(ConsentEvent.id > floor, ConsentEvent.id <= settled)
        .order_by(ConsentEvent.id)
        .limit(BATCH)
    ).all()
    if not rows:
        return 0
    root = merkle_root([row.hash for row in rows])
    tx.session.add(
        LedgerAnchor(
            at=at,
            first_event_id=rows[0].id,
            last_event_id=rows[-1].id,
            events=len(rows),
            root=root,
            seal=seal(
                tx.settings.anchor_key,
                first=rows[0].id,
                last=rows[-1].id,
                root=root,
                previous=last.seal if last else b"",
            ),
        )
    )
    return len(rows)


def broken_anchors(tx: Transaction) -> list[int]:
    """Return the anchors whose events, root or seal do not agree."""
    broken = []
    previous = b""
    for anchor in tx.session.scalars(sa.select(LedgerAnchor).order_by(LedgerAnchor.id)):
        leaves = tx.session.scalars(
            sa.select(ConsentEvent.hash)
            .where(ConsentEvent.id.between(anchor.first_event_id, anchor.last_event_id))
            .order_by(ConsentEvent.id)
        ).all()
        root = merkle_root(leaves)
        expected = seal(
            tx.settings.anchor_key,
            first=anchor.first_event_id,
            last=anchor.last_event_id,
            root=root,
            previous=previous,
        )
        if (root, expected, len(leaves)) != (anchor.root, anchor.seal, anchor.events):
            broken.append(anchor.id)
        previous = anchor.seal
    return broken


def broken_chains(tx: Transaction) -> list[int]:
    """Return the consents whose events were changed, recomputed by `hash_chain.py`."""
    broken: list[int] = []
    current: list[tuple[LedgerEntry, bytes]] = []
    events = tx.session.scalars(
        sa.select(ConsentEvent)
        .order_by(ConsentEvent.consent_id, ConsentEvent.seq)
        .execution_options(yield_per=1000)
    )
    for event in events:
        if current and current[0][0].consent_id != event.consent_id:
            broken += _broken(current)
            current = []
        current.append((entry_of(event), event.hash))
    return broken + _broken(current)


def _broken(chain: list[tuple[LedgerEntry, bytes]]) -> list[int]:
    return [chain[0][0].consent_id] if chain and chain_breaks(chain) else []


def entry_of(event: ConsentEvent) -> LedgerEntry:
    """Return an event as the hash chain covers it."""
    return LedgerEntry(
        consent_id=event.consent_id,
        seq=event.seq,
        action=event.action,
        status=event.status.value,
        at=event.at,
        actor=event.actor,
        facts=event.facts,
        commitment=event.commitment,
        previous=event.previous,
    )
