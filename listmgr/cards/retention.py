"""Delete cards that were not answered in time and pictures past their retention."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.cards.deletion import delete_card
from listmgr.cards.intake import objection
from listmgr.cards.models import Card, CardStatus, CardUpload, UploadStatus
from listmgr.cards.restriction import FREE
from listmgr.cards.review import NEEDS_PICTURE, redact_objected
from listmgr.cards.stages import STAGE, WHOSE, Stage, with_answers
from listmgr.kit.transaction import Transaction
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason

BATCH = 200
# Who has confirmed keeps the card in their history; who is being asked still has time to answer.
_STAY = (Stage.CONFIRMED.value, Stage.ASKED.value)


def delete_due(tx: Transaction, *, at: datetime, limit: int = BATCH) -> int:
    """Delete cards past their retention; return how many. Safe to run on several hosts."""
    due = tx.session.scalars(
        with_answers(sa.select(Card))
        .outerjoin(Subscriber, Subscriber.id == WHOSE)
        .where(
            Card.delete_at <= at,
            STAGE.not_in(_STAY),
            # Article 18: what is restricted is not deleted either.
            FREE,
            Subscriber.restricted_at.is_(None),
        )
        .order_by(Card.delete_at)
        .limit(limit)
        .with_for_update(of=Card, skip_locked=True)
    ).all()
    reached = Counter(delete_card(tx, card, at=at).value for card in due)
    if due:
        write_audit_entry(
            tx, None, AuditAction.CARD_EXPIRED, None, {"deleted": len(due), **reached}, at=at
        )
    return len(due)


def drop_newly_objected(tx: Transaction, *, at: datetime, limit: int = BATCH) -> int:
    """Delete cards whose people have objected since; return how many."""
    blocks = sa.select(Suppression.id).where(
        Suppression.fingerprint == Subscriber.fingerprint,
        Suppression.lifted_at.is_(None),
        Suppression.reason != SuppressionReason.BOUNCED,
    )
    cards = tx.session.scalars(
        sa.select(Card)
        .join(Subscriber, Subscriber.address_key == Card.address_key)
        .where(Card.status != CardStatus.OBJECTED, blocks.exists())
        .limit(limit)
        .with_for_update(of=Card, skip_locked=True)
    ).all()
    for card in cards:
        redact_objected(tx, card, objection(tx, [card.address]) or at)
    if cards:
        write_audit_entry(tx, None, AuditAction.CARD_OBJECTED, None, {"emptied": len(cards)}, at=at)
    return len(cards)


def purge_uploads(tx: Transaction, *, at: datetime) -> int:
    """Delete pictures past their retention and unreferenced uploads; return how many."""
    settings = tx.settings
    waits = sa.select(Card.id).where(Card.upload_id == CardUpload.id, NEEDS_PICTURE)
    emptied = tx.session.scalars(
        sa.update(CardUpload)
        .where(
            CardUpload.status != UploadStatus.WAITING,
            CardUpload.content.is_not(None),
            CardUpload.created_at <= at - timedelta(days=settings.card_picture_days),
            ~waits.exists(),
        )
        .values(content=None, content_type="", name="", keep_reason="", remarks=[])
        .returning(CardUpload.id)
    ).all()
    used = sa.select(Card.id).where(Card.upload_id == CardUpload.id)
    deleted = tx.session.scalars(
        sa.delete(CardUpload)
        .where(CardUpload.created_at <= at - timedelta(days=settings.card_days), ~used.exists())
        .returning(CardUpload.id)
    ).all()
    count = len(emptied) + len(deleted)
    if count:
        write_audit_entry(
            tx, None, AuditAction.CARD_PICTURES_DELETED, None, {"uploads": count}, at=at
        )
    return count
