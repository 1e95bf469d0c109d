"""Delete cards: the occasion keeps their counts, and a consent not yet requested ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from listmgr.cards.intake import empty_upload
from listmgr.cards.models import Card, CardCapture, Occasion
from listmgr.cards.stages import Stage, staged
from listmgr.consent.expire import expire
from listmgr.consent.ledger import lock_consent
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.kit.transaction import Transaction

_WERE_ASKED = frozenset({Stage.ASKED, Stage.CONFIRMED, Stage.ENDED})


def delete_card(tx: Transaction, card: Card, *, at: datetime) -> Stage:
    """Delete a locked card with its captures and replies; return the stage it had reached."""
    stage = staged(tx.session, card).stage
    if stage is not Stage.OBJECTED:
        _count(tx, card.id, stage)
    consent_id = card.consent_id
    tx.session.delete(card)
    tx.session.flush()
    if consent_id is not None:
        consent = lock_consent(tx, consent_id)
        if consent.status is ConsentStatus.CAPTURED:
            expire(tx, consent, at=at)
    return stage


def forget_people(
    tx: Transaction, address_keys: Collection[str], card_ids: Collection[int] = ()
) -> None:
    """Erase these cards and the uploads they came from, pictures included."""
    theirs = sa.or_(Card.address_key.in_(address_keys), Card.id.in_(card_ids))
    cards = tx.session.scalars(sa.select(Card).where(theirs)).all()
    for card in cards:
        empty_upload(tx, card.upload_id, card.id)
        _count(tx, card.id, staged(tx.session, card).stage)
        tx.session.delete(card)
    tx.session.flush()


def _count(tx: Transaction, card_id: int, stage: Stage) -> None:
    occasion_id = tx.session.scalars(
        sa.select(CardCapture.occasion_id)
        .where(CardCapture.card_id == card_id, CardCapture.occasion_id.is_not(None))
        .order_by(CardCapture.id)
        .limit(1)
    ).first()
    if occasion_id is None:
        return
    tx.session.execute(
        sa.update(Occasion)
        .where(Occasion.id == occasion_id)
        .values(
            gone_captured=Occasion.gone_captured + 1,
            gone_asked=Occasion.gone_asked + int(stage in _WERE_ASKED),
            gone_confirmed=Occasion.gone_confirmed + int(stage is Stage.CONFIRMED),
        )
    )
