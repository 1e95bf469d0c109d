"""Which cards an operator sees: their own or the team's."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.models import Card
from listmgr.cards.restriction import RESTRICTED_WORDS, lock_card, restricted_since
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction

# `own` is the operator whose cards alone are seen; None is the whole team.


def seen_by(own: int | None) -> sa.ColumnElement[bool]:
    """Return the SQL condition on visible cards."""
    if own is None:
        return sa.true()
    return Card.operator_id == own


def find_card(session: Session, card_id: int, own: int | None) -> Card:
    """Return a card for reading. Raises NotFound, also for another operator's card."""
    card = session.scalars(sa.select(Card).where(Card.id == card_id, seen_by(own))).one_or_none()
    if card is None:
        raise NotFound(N_("There is no such card. It may have been discarded, or is not yours."))
    return card


def locked_card(tx: Transaction, card_id: int, own: int | None) -> Card:
    """Return a card locked until the commit. Raises NotFound, or Refused (Article 18)."""
    find_card(tx.session, card_id, own)
    card = lock_card(tx, card_id)
    if restricted_since(tx.session, card) is not None:
        raise Refused(RESTRICTED_WORDS)
    return card
