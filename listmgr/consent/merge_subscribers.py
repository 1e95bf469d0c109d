"""Merge two records of one person: all consents and events stay, no mail is sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.ledger import LedgerChange, record_changes
from listmgr.consent.lifecycle import OPEN, ConsentAction, ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import AddressError, parse_address
from listmgr.subscribers.models import Subscriber
from listmgr.subscribers.restriction import locked_person
from listmgr.subscribers.search_terms import (
    of_name,
    terms_of,
)
from listmgr.suppression.register import is_suppressed

# What the record that is kept takes over where it has nothing itself.
FILLED = ("first_name", "last_name", "company", "basis_note")


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What a merge would do: which of the other record's consents end and which continue."""

    ending: tuple[Consent, ...]
    staying: tuple[Consent, ...]


def preview_merge(session: Session, kept_id: int, other_id: int) -> MergePlan:
    """Return what `merge` would do now; write nothing."""
    return _plan(_open_consents(session, kept_id), _open_consents(session, other_id))


def merge(tx: Transaction, kept_id: int, other_id: int, *, actor: str, at: datetime) -> MergePlan:
    """Merge `other` into `kept`; from then on both histories are read as one.

    A consent belongs to the mailbox it was given from (BGH I ZR 164/09), so none moves. If both
    records hold one to the same purpose, the other's ends; if only the other does, it continues at
    its own mailbox. Raises Refused for restricted, blocked or already merged records.
    """
    first, second = sorted((kept_id, other_id))
    people = {person_id: locked_person(tx, person_id) for person_id in (first, second)}
    kept, other = people[kept_id], people[other_id]
    _may_be_joined(tx, kept, other)
    plan = _plan(
        _open_consents(tx.session, kept_id), _open_consents(tx.session, other_id, lock=True)
    )
    acts = [LedgerChange(consent, at, {"method": Method.MERGED}) for consent in plan.ending]
    record_changes(tx, acts, ConsentAction.WITHDRAW, actor=actor)
    fill(kept, other)
    other.merged_into_id = kept.id
    return plan


def undo_merge(tx: Transaction, subscriber_id: int) -> int | None:
    """Undo a merge; return the id it was merged into. Consents that ended stay ended."""
    person = locked_person(tx, subscriber_id)
    joined_to = person.merged_into_id
    person.merged_into_id = None
    return joined_to


def joined_to(session: Session, subscriber_id: int) -> Sequence[Subscriber]:
    """Return the records merged into this one."""
    return session.scalars(
        sa.select(Subscriber)
        .where(Subscriber.merged_into_id == subscriber_id)
        .order_by(Subscriber.id)
    ).all()


def namesakes(session: Session, person: Subscriber, *, most: int = 5) -> Sequence[Subscriber]:
    """Return other records with the same first and last name, possibly of the same person."""
    if not (person.last_name and person.first_name):
        return ()
    names = " AND ".join(
        f"{terms_of('s')} @@ {of_name(f':{name}', whole=True)} AND lower(s.{name}) = lower(:{name})"
        for name in ("first_name", "last_name")
    )
    # An order inside would tempt to go through everybody.
    statement = sa.text(
        f"WITH found AS MATERIALIZED (SELECT s.id FROM subscribers s WHERE {names}"
        "  AND s.id <> :id AND s.merged_into_id IS NULL)"
        " SELECT id FROM found ORDER BY id LIMIT :most"
    )
    binds = {"first_name": person.first_name, "last_name": person.last_name, "id": person.id}
    ids = session.scalars(statement, binds | {"most": most}).all()
    people = sa.select(Subscriber).where(Subscriber.id.in_(ids)).order_by(Subscriber.id)
    return session.scalars(people).all()


def find_other(session: Session, kept: Subscriber, typed: str) -> Subscriber:
    """Return the other record by address. Raises InvalidInput if there is none."""
    try:
        key = parse_address(typed).key
    except AddressError:
        raise InvalidInput(N_("That is not an e-mail address. Go back and check it.")) from None
    query = sa.select(Subscriber).where(Subscriber.address_key == key, Subscriber.id != kept.id)
    other = session.scalars(query).one_or_none()
    if other is None:
        raise InvalidInput(
            N_("No other record has this address. Go back and enter the person's other address.")
        )
    return other


def _open_consents(session: Session, subscriber_id: int, *, lock: bool = False) -> list[Consent]:
    query = (
        sa.select(Consent)
        .where(Consent.subscriber_id == subscriber_id, Consent.status.in_(OPEN))
        .order_by(Consent.id)
    )
    return list(session.scalars(query.with_for_update() if lock else query))


def _plan(kept: Sequence[Consent], other: Sequence[Consent]) -> MergePlan:
    doubled = {c.purpose_id for c in kept if c.status is ConsentStatus.CONFIRMED}
    # What the other mailbox has not confirmed is asked for no more: the person is known.
    ending = [
        c for c in other if c.purpose_id in doubled or c.status is not ConsentStatus.CONFIRMED
    ]
    return MergePlan(tuple(ending), tuple(c for c in other if c not in ending))


def _may_be_joined(tx: Transaction, kept: Subscriber, other: Subscriber) -> None:
    if kept.id == other.id:
        raise Refused(N_("That is the same record. Enter the person's other address."))
    if other.merged_into_id is not None or kept.merged_into_id is not None:
        raise Refused(N_("One of the records has been joined to another already."))
    if kept.restricted_at is not None or other.restricted_at is not None:
        raise Refused(N_("Processing of this person's data is restricted; nothing is changed."))
    if is_suppressed(tx, kept.fingerprint) or is_suppressed(tx, other.fingerprint):
        raise Refused(
            N_(
                "One of the addresses is blocked. If the person wants no mail at all, write the"
                " objection down at the other address too; blocked records are not joined."
            )
        )


def fill(kept: Subscriber, other: Subscriber) -> None:
    """Copy values that the kept record lacks."""
    for name in FILLED:
        if not getattr(kept, name):
            setattr(kept, name, getattr(other, name))
    kept.attributes = {**(other.attributes or {}), **(kept.attributes or {})}
    kept.tags = sorted({*kept.tags, *other.tags})
