"""Change a person's address once the new mailbox has confirmed (L-04)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.capture import capture
from listmgr.consent.change_address_models import (
    AddressChange,
    AddressChangeStatus,
)
from listmgr.consent.ledger import LedgerChange, record_changes
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.merge_subscribers import fill
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent, ConsentSource
from listmgr.consent.request_confirmation import (
    queue_address_change_notice,
    queue_already_subscribed,
    request_confirmation,
)
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.signup import SignupContent, find_or_add
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import Notice
from listmgr.subscribers.address import Address, AddressError, mask, parse_address
from listmgr.subscribers.models import Subscriber
from listmgr.subscribers.restriction import locked_person
from listmgr.suppression.register import is_suppressed

MONTH = timedelta(days=30)
MOST_A_MONTH = 3
_S = AddressChangeStatus
WAITING = (_S.RECEIVED, _S.ASKED)


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change that waits for the new mailbox, as pages show it."""

    change_id: int
    masked_address: str
    asked_at: datetime


def waiting_change(session: Session, subscriber_id: int) -> PendingChange | None:
    """Return the person's open change of address, or None."""
    change = session.scalars(_open_of(subscriber_id)).one_or_none()
    return (
        None if change is None else PendingChange(change.id, mask(change.address), change.asked_at)
    )


def request_change(
    tx: Transaction,
    subscriber_id: int,
    typed: str,
    *,
    facts: RequestFacts,
    actor: str,
    at: datetime,
) -> None:
    """Store the request; whether the new address is known is checked later, unobserved (T-11).

    A second request replaces the first. Raises InvalidInput for an invalid address, Refused for a
    restricted person or a fourth request in a month.
    """
    address = _parsed(typed)
    person = locked_person(tx, subscriber_id)
    if person.restricted_at is not None:
        raise Refused(N_("Processing of this person's data is restricted; nothing is changed."))
    lately = sa.select(sa.func.count()).where(
        AddressChange.subscriber_id == subscriber_id, AddressChange.asked_at > at - MONTH
    )
    if tx.session.scalars(lately).one() >= MOST_A_MONTH:
        raise Refused(N_("The address was to be changed three times this month. Wait a while."))
    cancel_change(tx, subscriber_id, actor=actor, at=at)
    change = AddressChange(
        subscriber_id=subscriber_id,
        status=_S.RECEIVED,
        address=address.display,
        evidence=facts.evidence() | {"address_typed": typed},
        actor=actor,
        asked_at=at,
    )
    tx.session.add(change)
    tx.session.flush()
    tx.after_commit(_job(change.id))


def process_change(tx: Transaction, change_id: int, *, at: datetime) -> None:
    """Notify the old mailbox and ask the new one; safe to run twice.

    The owner of the old mailbox sees the same in every case: the request stays open, expires and is
    reported alike whether or not the new mailbox could be asked (T-11).
    """
    change = tx.session.get(AddressChange, change_id, with_for_update=True)
    if change is None or change.status is not _S.RECEIVED:
        return
    person = locked_person(tx, change.subscriber_id)
    old = _confirmed(tx.session, person.id)
    if person.restricted_at is not None or not old:
        _end(change, _S.CANCELLED, at)
        return
    # First, so that the time of its arrival does not tell whether another mail went before it.
    if not is_suppressed(tx, person.fingerprint):
        queue_address_change_notice(tx, old, parse_address(person.address), at=at)
    asked = _ask(tx, change, person, parse_address(change.address), old, at)
    change.status = _S.ASKED
    change.consent_ids = [consent.id for consent in asked]


def _ask(
    tx: Transaction,
    change: AddressChange,
    person: Subscriber,
    address: Address,
    old: Sequence[Consent],
    at: datetime,
) -> list[Consent]:
    """Return the consents to ask the new mailbox for: same wording and purposes, except those it
    gave already.

    Empty if nothing is asked: a restricted person, a limit, or all of it given before, which only
    the new mailbox learns (T-10).
    """
    # Nothing of the old record but its language: a link may have been passed on, and what it opens
    # must not hand a person's data to whoever enters an address there.
    content = SignupContent(address.display, (), person.language, "")
    target = find_or_add(tx, address, content, at=at)
    if target.restricted_at is not None:
        return []
    begun = [
        capture(
            tx,
            target,
            _newest_notice(tx, consent),
            source=ConsentSource.FORM,
            at=at,
            actor=change.actor,
            form_url=tx.settings.link("p/"),
            evidence=change.evidence | {"moved_from_consent": consent.id},
        )
        for consent in old
    ]
    to_ask = [consent for consent in begun if consent.status is not ConsentStatus.CONFIRMED]
    if not to_ask:
        queue_already_subscribed(tx, begun, address, at=at)
        return []
    return (
        to_ask
        if request_confirmation(tx, to_ask, address, at=at, actor=change.actor) is not None
        else []
    )


def finish_changes(tx: Transaction, consent_ids: Sequence[int], *, at: datetime) -> None:
    """End the old mailbox's consents to the same purposes once the new one has confirmed these."""
    changes = tx.session.scalars(
        sa.select(AddressChange)
        .where(
            AddressChange.status == _S.ASKED,
            AddressChange.consent_ids.overlap(list(consent_ids)),
        )
        .with_for_update()
    ).all()
    for change in changes:
        given = set(change.consent_ids) & set(consent_ids)
        confirmed = sa.select(Consent).where(
            Consent.id.in_(given), Consent.status == ConsentStatus.CONFIRMED
        )
        if new := tx.session.scalars(confirmed.order_by(Consent.id)).all():
            _move(tx, change, new, at)


def _move(tx: Transaction, change: AddressChange, new: Sequence[Consent], at: datetime) -> None:
    person = locked_person(tx, change.subscriber_id)
    purposes = {consent.purpose_id for consent in new}
    ending = [c for c in _confirmed(tx.session, person.id) if c.purpose_id in purposes]
    acts = [LedgerChange(consent, at, {"method": Method.ADDRESS_CHANGED}) for consent in ending]
    record_changes(tx, acts, ConsentAction.WITHDRAW, actor="subscriber")
    target = tx.session.get_one(Subscriber, new[0].subscriber_id)
    person.merged_into_id = target.id
    if change.actor != "subscriber":
        # Staff had the person themselves before them, not only a link.
        fill(target, person)
    _end(change, _S.DONE, at)


def cancel_change(tx: Transaction, subscriber_id: int, *, actor: str, at: datetime) -> bool:
    """Cancel the open change and its confirmation request; return False if there was none."""
    change = tx.session.scalars(_open_of(subscriber_id).with_for_update()).one_or_none()
    if change is None:
        return False
    asked = tx.session.scalars(
        sa.select(Consent)
        .where(
            Consent.id.in_(change.consent_ids),
            Consent.status.in_((ConsentStatus.PENDING, ConsentStatus.CAPTURED)),
            # What the new mailbox had been asked for before is none of this wish.
            Consent.captured_at >= change.asked_at,
        )
        .order_by(Consent.id)
        .with_for_update()
    ).all()
    acts = [
        LedgerChange(consent, at, {"method": Method.ADDRESS_CHANGE_CANCELLED}) for consent in asked
    ]
    record_changes(tx, acts, ConsentAction.WITHDRAW, actor=actor)
    _end(change, _S.CANCELLED, at)
    tx.session.flush()
    return True


def sweep_changes(tx: Transaction, *, at: datetime) -> None:
    """Queue changes whose job was lost; end those the new mailbox did not answer."""
    received = sa.select(AddressChange.id).where(AddressChange.status == _S.RECEIVED)
    for change_id in tx.session.scalars(received.order_by(AddressChange.id).limit(1000)).all():
        tx.after_commit(_job(change_id))
    over = at - timedelta(days=tx.settings.confirm_days)
    unanswered = sa.select(AddressChange).where(
        AddressChange.status.in_(WAITING), AddressChange.asked_at < over
    )
    for change in tx.session.scalars(unanswered.with_for_update(skip_locked=True)):
        _end(change, _S.EXPIRED, at)


def _parsed(typed: str) -> Address:
    try:
        return parse_address(typed)
    except AddressError:
        sentence = N_("We cannot write to this e-mail address. Please check it: name@example.org.")
        raise InvalidInput(sentence, {"address": sentence}) from None


def _job(change_id: int) -> Job:
    key = f"address-change-{change_id}"
    return Job("process_address_change", (change_id,), queue="mail", key=key)


def _open_of(subscriber_id: int) -> sa.Select[AddressChange]:
    return sa.select(AddressChange).where(
        AddressChange.subscriber_id == subscriber_id, AddressChange.status.in_(WAITING)
    )


def _end(change: AddressChange, status: AddressChangeStatus, at: datetime) -> None:
    change.status = status
    change.ended_at = at
    change.address = ""
    change.evidence = {}


def _confirmed(session: Session, subscriber_id: int) -> Sequence[Consent]:
    return session.scalars(
        sa.select(Consent)
        .where(Consent.subscriber_id == subscriber_id, Consent.status == ConsentStatus.CONFIRMED)
        .order_by(Consent.id)
        .with_for_update()
    ).all()


def _newest_notice(tx: Transaction, consent: Consent) -> Notice:
    return tx.session.scalars(
        sa.select(Notice)
        .where(Notice.purpose_id == consent.purpose_id, Notice.language == consent.language)
        .order_by(Notice.version.desc())
        .limit(1)
    ).one()
