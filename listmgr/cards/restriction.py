"""Restrict the processing of a card (Article 18): it is kept unchanged and hidden.

The restriction of a person who has only a card is stored on the card. That of a subscriber is
stored with the subscriber, covers their cards, and is looked up rather than copied.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from listmgr.cards.models import Card
from listmgr.kit.clock import now
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.journal_models import (
    JournalKind,
    write_entry,
)
from listmgr.kit.transaction import Transaction
from listmgr.subscribers import restriction
from listmgr.subscribers.address import fingerprint
from listmgr.subscribers.models import Subscriber

RESTRICTED_WORDS = N_("Processing of this person's data is restricted; nothing is changed.")
NOT_TAKEN = N_(
    "Processing of this person's data is restricted (Article 18): nothing of their card is taken."
)

# A name of its own: queries over cards may have joined the subscriber already.
_person = aliased(Subscriber, name="restricted_person")
_people = (
    sa.select(_person.id)
    .where(_person.address_key == Card.address_key, _person.restricted_at.is_not(None))
    .correlate(Card)
)
# The condition on cards that may be worked on, and its opposite.
FREE: sa.ColumnElement[bool] = sa.and_(Card.restricted_at.is_(None), ~_people.exists())
RESTRICTED: sa.ColumnElement[bool] = sa.or_(Card.restricted_at.is_not(None), _people.exists())

_own = aliased(Card, name="own_restriction")
_with_person = aliased(Card, name="persons_card")
# The same cards, which are few, named by the indexes of what is restricted: no other is looked at.
RESTRICTED_ONES: sa.ColumnElement[bool] = Card.id.in_(
    sa.union(
        sa.select(_own.id).where(_own.restricted_at.is_not(None)),
        sa.select(_with_person.id)
        .join(_person, _person.address_key == _with_person.address_key)
        .where(_person.restricted_at.is_not(None)),
    )
)


def restricted_since(session: Session, card: Card) -> datetime | None:
    """Return since when a card's person is restricted, or None."""
    if card.restricted_at is not None or card.address_key is None:
        return card.restricted_at
    return session.scalars(
        sa.select(Subscriber.restricted_at).where(Subscriber.address_key == card.address_key)
    ).one_or_none()


def is_restricted(session: Session, address_keys: Collection[str]) -> bool:
    """Whether the person behind one of these addresses is restricted, by a card or otherwise."""
    of_cards = sa.select(Card.id).where(
        Card.address_key.in_(address_keys), Card.restricted_at.is_not(None)
    )
    of_people = sa.select(Subscriber.id).where(
        Subscriber.address_key.in_(address_keys), Subscriber.restricted_at.is_not(None)
    )
    return session.scalars(sa.union_all(of_cards, of_people).limit(1)).first() is not None


def restrict(tx: Transaction, card_id: int, *, at: datetime) -> bool:
    """Restrict a card: from the commit on it is hidden and is not asked, changed or deleted.

    All other cards of the person are restricted too. Return False if it was restricted already.
    Raises NotFound, or Refused for a subscriber.
    """
    card = of_a_card_alone(tx, card_id)
    begun = [restriction.begin(record, at=at) for record in of_the_same_person(tx, card)]
    if any(begun):
        write_entry(tx, JournalKind.CARD_RESTRICTED, _fingerprint(tx, card), at=at)
    return any(begun)


def lift_restriction(tx: Transaction, card_id: int, *, informed_by: str) -> bool:
    """End the restriction after informing the person; return False if there was none.

    Raises InvalidInput unless `told` says how they were informed.
    """
    card = lock_card(tx, card_id)
    ended = [
        restriction.end(record, informed_by=informed_by) for record in of_the_same_person(tx, card)
    ]
    if any(ended):
        lifted = JournalKind.CARD_RESTRICTION_LIFTED
        write_entry(tx, lifted, _fingerprint(tx, card), at=now())
    return any(ended)


def _fingerprint(tx: Transaction, card: Card) -> bytes:
    return card_fingerprint(tx.settings.suppression_key, card.id, card.address_key)


def card_fingerprint(key: bytes, card_id: int, address_key: str | None) -> bytes:
    """Return the fingerprint the journal identifies a card by: of its address, else of its
    number.
    """
    return fingerprint(key, address_key or f"card {card_id}")


def of_a_card_alone(tx: Transaction, card_id: int) -> Card:
    """Return a locked card whose person is no subscriber. Raises NotFound, or Refused for a
    subscriber.
    """
    card = lock_card(tx, card_id)
    if subscriber_of(tx.session, card) is not None:
        raise Refused(
            N_("This person is a subscriber too. What they ask for is done there, for both.")
        )
    return card


def of_the_same_person(tx: Transaction, card: Card) -> Sequence[Card]:
    """Return the locked card and all cards with its address, whoever took them, also locked."""
    if card.address_key is None:
        return [card]
    same = sa.select(Card).where(Card.address_key == card.address_key).order_by(Card.id)
    locking = same.with_for_update().execution_options(populate_existing=True)
    return tx.session.scalars(locking).all()


def subscriber_of(session: Session, card: Card) -> int | None:
    """Return the subscriber with the card's address, or None."""
    if card.address_key is None:
        return None
    return session.scalars(
        sa.select(Subscriber.id).where(Subscriber.address_key == card.address_key)
    ).one_or_none()


def lock_card(tx: Transaction, card_id: int) -> Card:
    """Return a card, restricted or not, locked until the commit. Raises NotFound."""
    card = tx.session.get(Card, card_id, with_for_update=True, populate_existing=True)
    if card is None:
        raise NotFound(N_("There is no such card. It may have been discarded, or is not yours."))
    return card
