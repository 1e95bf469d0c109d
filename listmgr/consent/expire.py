"""Expire consents that nobody confirmed in time and delete what the visitor entered (L-07)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import Consent, ConsentSource
from listmgr.consent.signup_answers import forget_old_answers
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.models import Subscriber

BATCH = 500
# The owner's function: it refuses the evidence of a consent that has not expired nor was erased.
_ERASE_EVIDENCE = sa.text("SELECT erase_evidence(CAST(:consents AS bigint[]))")


def expire_due(tx: Transaction, *, at: datetime, limit: int = BATCH) -> int:
    """End unanswered consents that are due; return how many. Safe to run on several hosts."""
    forget_old_answers(tx, at=at)
    due = tx.session.scalars(
        sa.select(Consent)
        .where(
            Consent.status.in_((ConsentStatus.PENDING, ConsentStatus.CAPTURED)),
            Consent.source.in_((ConsentSource.FORM, ConsentSource.CARD)),
            Consent.expires_at <= at,
        )
        .order_by(Consent.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for consent in due:
        expire(tx, consent, at=at)
    return len(due)


def expire(tx: Transaction, consent: Consent, *, at: datetime) -> None:
    """End a locked consent that nobody confirmed, and delete the person if they have no other."""
    subscriber_id = consent.subscriber_id
    record(tx, consent, ConsentAction.EXPIRE, at=at, actor="system")
    forget_evidence(tx, [consent.id])
    consent.subscriber_id = None
    tx.session.flush()
    if subscriber_id is not None:
        _forget_if_alone(tx, subscriber_id)


def forget_evidence(tx: Transaction, consent_ids: list[int]) -> None:
    """Erase the personal evidence of consents; their chains stay verifiable without it."""
    tx.session.flush()
    tx.session.execute(_ERASE_EVIDENCE, {"consents": consent_ids})


def _forget_if_alone(tx: Transaction, subscriber_id: int) -> None:
    """Delete a person without another consent: nobody is stored until they answer."""
    others = sa.select(Consent.id).where(Consent.subscriber_id == subscriber_id)
    if tx.session.scalars(others.limit(1)).first() is None:
        tx.session.execute(sa.delete(Subscriber).where(Subscriber.id == subscriber_id))
