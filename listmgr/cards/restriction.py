"""A card whose person's data are restricted (Article 18): kept as it is, and worked on by nobody.

Of whom a card alone is known the card says so. Who is a subscriber too is restricted there, and
their card with them: it is asked, never copied.
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
    """Since when the data of a card's person are restricted; None where they are not."""
    if card.restricted_at is not None or card.address_key is None:
        return card.restricted_at
    return session.scalars(
        sa.select(Subscriber.restricted_at).where(Subscriber.address_key == card.address_key)
    ).one_or_none()


def is_restricted(session: Session, address_keys: Collection[str]) -> bool:
    """Whether what is held of one of these addresses is restricted, on a card or elsewhere."""
    of_cards = sa.select(Card.id).where(
        Card.address_key.in_(address_keys), Card.restricted_at.is_not(None)
    )
    of_people = sa.select(Subscriber.id).where(
        Subscriber.address_key.in_(address_keys), Subscriber.restricted_at.is_not(None)
    )
    return session.scalars(sa.union_all(of_cards, of_people).limit(1)).first() is not None


def restrict(tx: Transaction, card_id: int, *, at: datetime) -> bool:
    """From the commit on the card is not shown to who takes cards, nor asked, changed or deleted.

    So are all other cards of the person. False when it was so already. Raises NotFound, or Refused
    for who is a subscriber too.
    """
    card = of_a_card_alone(tx, card_id)
    begun = [restriction.begin(one, at=at) for one in of_the_same_person(tx, card)]
    if any(begun):
        write_entry(tx, JournalKind.CARD_RESTRICTED, _fingerprint(tx, card), at=at)
    return any(begun)


def lift_restriction(tx: Transaction, card_id: int, *, told: str) -> bool:
    """End it after the person has been told; False when there was none.

    Raises InvalidInput unless `told` says how they were told.
    """
    card = lock_card(tx, card_id)
    ended = [restriction.end(one, told=told) for one in of_the_same_person(tx, card)]
    if any(ended):
        lifted = JournalKind.CARD_RESTRICTION_LIFTED
        write_entry(tx, lifted, _fingerprint(tx, card), at=now())
    return any(ended)


def _fingerprint(tx: Transaction, card: Card) -> bytes:
    return card_fingerprint(tx.settings.suppression_key, card.id, card.address_key)


def card_fingerprint(key: bytes, card_id: int, address_key: str | None) -> bytes:
    """What the journal knows a card by: its address, or its number where it has none."""
    return fingerprint(key, address_key or f"card {card_id}")


def of_a_card_alone(tx: Transaction, card_id: int) -> Card:
    """A locked card whose person is no subscriber. Raises NotFound, or Refused for one who is."""
    card = lock_card(tx, card_id)
    if subscriber_of(tx.session, card) is not None:
        raise Refused(
            N_("This person is a subscriber too. What they ask for is done there, for both.")
        )
    return card


def of_the_same_person(tx: Transaction, card: Card) -> Sequence[Card]:
    """The locked card and all others of its address, whoever took them, locked as well."""
    if card.address_key is None:
        return [card]
    same = sa.select(Card).where(Card.address_key == card.address_key).order_by(Card.id)
    locking = same.with_for_update().execution_options(populate_existing=True)
    return tx.session.scalars(locking).all()


def subscriber_of(session: Session, card: Card) -> int | None:
    """The subscriber with the card's address; None where the card alone is known."""
    if card.address_key is None:
        return None
    return session.scalars(
        sa.select(Subscriber.id).where(Subscriber.address_key == card.address_key)
    ).one_or_none()


def lock_card(tx: Transaction, card_id: int) -> Card:
    """A card, locked until the commit, restricted or not; raises NotFound."""
    card = tx.session.get(Card, card_id, with_for_update=True, populate_existing=True)
    if card is None:
        raise NotFound(N_("There is no such card. It may have been discarded, or is not yours."))
    return card
