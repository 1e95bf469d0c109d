"""Erase people from every table; only the fact of the erasure remains (L-32)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from listmgr.cards.models import Card, CardStatus
from listmgr.cards.restriction import card_fingerprint, of_a_card_alone
from listmgr.consent.ledger import LedgerChange, record_changes
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import Consent
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.privacy.erasure_registry import (
    ERASERS,
    ErasureTargets,
)
from listmgr.privacy.models import ErasureEntry
from listmgr.subscribers.address import fingerprint, parse_address
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress_many

LIFT_FIRST = N_("Processing is restricted, so nothing may be deleted. Lift the restriction first.")


def erase_person(tx: Transaction, subscriber_id: int, *, actor: str, at: datetime) -> int:
    """Erase one person with all records joined to theirs; return the number of records.

    Raises NotFound, or Refused while processing is restricted.
    """
    people = records_of(tx, subscriber_id)
    if any(person.restricted_at is not None for person in people):
        raise Refused(LIFT_FIRST)
    return erase(tx, [person.id for person in people], actor=actor, at=at)


def records_of(tx: Transaction, subscriber_id: int) -> Sequence[Subscriber]:
    """Return the joined records of one person, this one first. Raises NotFound."""
    person = tx.session.get(Subscriber, subscriber_id)
    if person is None:
        raise NotFound(N_("There is no such subscriber. They may have been erased."))
    first = person.merged_into_id or person.id
    others = tx.session.scalars(
        sa.select(Subscriber)
        .where(sa.or_(Subscriber.id == first, Subscriber.merged_into_id == first))
        .order_by(Subscriber.id)
    ).all()
    return [person, *(other for other in others if other.id != person.id)]


def erase_card(tx: Transaction, card_id: int, *, actor: str, at: datetime) -> None:
    """Erase a person known only by a business card.

    Raises NotFound, or Refused while processing is restricted or if the person is a subscriber.
    """
    card = of_a_card_alone(tx, card_id)
    if card.restricted_at is not None:
        raise Refused(LIFT_FIRST)
    erase(tx, [], cards=[card.id], actor=actor, at=at)


def erase(
    tx: Transaction,
    subscriber_ids: Sequence[int],
    *,
    actor: str,
    at: datetime,
    cards: Sequence[int] = (),
    even_restricted: bool = False,
) -> int:
    """Erase people from every table; return how many.

    `cards` are those of people known only by a card. Consents end as erased: they keep no name, and
    their chain still verifies. A block by fingerprint remains, so that neither an import nor a card
    at the next fair adds the person again (L-15). Restricted people are skipped, unless this
    repeats an earlier erasure.
    """
    people = _locked(tx, subscriber_ids, even_restricted)
    alone = _locked_cards(tx, cards, even_restricted) if cards else []
    if not people and not alone:
        return 0
    consents = _end_consents(tx, [person.id for person in people], actor, at)
    gone = _gone(tx, people, alone, consents)
    key = tx.settings.suppression_key
    erased: list[tuple[bytes, int | None]] = [(record.fingerprint, record.id) for record in people]
    erased += [(card_fingerprint(key, record.id, record.address_key), None) for record in alone]
    blocked = [record.fingerprint for record in people]
    blocked += [fingerprint(key, record.address_key) for record in alone if record.address_key]
    for erase_from in dict.fromkeys(ERASERS.values()):
        erase_from(tx, gone)
    suppress_many(tx, blocked, SuppressionReason.ERASED, at=at)
    write_down(tx, erased, at=at)
    return len(erased)


def write_down(tx: Transaction, erased: list[tuple[bytes, int | None]], *, at: datetime) -> None:
    """Add people to the journal by fingerprint and former id."""
    rows = [{"fingerprint": f, "subscriber_id": number, "erased_at": at} for f, number in erased]
    tx.session.execute(insert(ErasureEntry).on_conflict_do_nothing(), rows)


def _locked(
    tx: Transaction, subscriber_ids: Sequence[int], even_restricted: bool
) -> list[Subscriber]:
    query = sa.select(Subscriber).where(Subscriber.id.in_(subscriber_ids))
    if not even_restricted:
        query = query.where(Subscriber.restricted_at.is_(None))
    locked = query.order_by(Subscriber.id).with_for_update()
    return list(tx.session.scalars(locked.execution_options(populate_existing=True)))


def _locked_cards(tx: Transaction, card_ids: Sequence[int], even_restricted: bool) -> list[Card]:
    query = sa.select(Card).where(Card.id.in_(card_ids), Card.status != CardStatus.OBJECTED)
    if not even_restricted:
        query = query.where(Card.restricted_at.is_(None))
    locked = query.order_by(Card.id).with_for_update()
    return list(tx.session.scalars(locked.execution_options(populate_existing=True)))


def _end_consents(tx: Transaction, ids: list[int], actor: str, at: datetime) -> list[int]:
    """End every consent of these people in the ledger and detach it from them."""
    consents = tx.session.scalars(
        sa.select(Consent)
        .where(Consent.subscriber_id.in_(ids))
        .order_by(Consent.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    standing = [
        LedgerChange(consent, at)
        for consent in consents
        if consent.status is not ConsentStatus.ERASED
    ]
    record_changes(tx, standing, ConsentAction.ERASE, actor=actor)
    for consent in consents:
        consent.subscriber_id = None
    tx.session.flush()
    return [consent.id for consent in consents]


def _gone(
    tx: Transaction, people: list[Subscriber], alone: list[Card], consent_ids: list[int]
) -> ErasureTargets:
    key = tx.settings.suppression_key
    addresses = [(record.address_key, record.address) for record in people]
    addresses += [(record.address_key, record.address) for record in alone if record.address_key]
    return ErasureTargets(
        ids=[record.id for record in people],
        consent_ids=consent_ids,
        address_keys=frozenset(address_key for address_key, _address in addresses),
        # Service mails are limited by the provider's own view of the address (T-09).
        recipients=[
            fingerprint(key, parse_address(address).mailbox_key) for _known, address in addresses
        ],
        card_ids=[record.id for record in alone],
    )
