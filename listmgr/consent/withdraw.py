"""Withdrawn: as easy as giving it, at once, by link, one-click, or on the person's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.facts import RequestFacts
from listmgr.consent.ledger import Act, lock_consent, record, record_many
from listmgr.consent.lifecycle import OPEN, ConsentAction
from listmgr.consent.models import Consent
from listmgr.kit.tokens import Door, TokenInvalid, open_token
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.address import mask
from listmgr.subscribers.models import Subscriber


@dataclass(frozen=True, slots=True)
class UnsubscribeView:
    """What the page behind an unsubscribe link may show: active, ended, or test (T-26)."""

    state: str
    list_name: str = ""
    purpose_name: str = ""
    masked_address: str = ""
    language: str = ""
    # The mail rested on an older consent; the page names the list before anything happens (T-06).
    newer: bool = False
    purpose_id: int = 0


UNKNOWN = UnsubscribeView(state="ended")


def withdraw(
    tx: Transaction, consent_id: int, *, how: str, actor: str, facts: RequestFacts, at: datetime
) -> bool:
    """End one consent; False when it had ended before. Effect is from the commit on (L-14)."""
    consent = lock_consent(tx, consent_id)
    if consent.status not in OPEN:
        return False
    record(
        tx,
        consent,
        ConsentAction.WITHDRAW,
        at=at,
        actor=actor,
        facts={"how": how},
        evidence=facts.evidence(),
    )
    return True


def withdraw_many(
    tx: Transaction,
    subscriber_ids: Sequence[int],
    *,
    purpose_id: int | None = None,
    how: str,
    actor: str,
    facts: RequestFacts,
    at: datetime,
) -> int:
    """End every open consent of many people, or those to one purpose; returns how many ended."""
    open_ones = sa.select(Consent).where(
        Consent.subscriber_id.in_(subscriber_ids), Consent.status.in_(OPEN)
    )
    if purpose_id is not None:
        open_ones = open_ones.where(Consent.purpose_id == purpose_id)
    consents = tx.session.scalars(open_ones.order_by(Consent.id).with_for_update()).all()
    acts = [Act(consent, at, {"how": how}, facts.evidence()) for consent in consents]
    record_many(tx, acts, ConsentAction.WITHDRAW, actor=actor)
    return len(consents)


def unsubscribe_view(session: Session, settings: Settings, token: str) -> UnsubscribeView:
    """What an unsubscribe link is about; writes nothing. Raises TokenInvalid."""
    campaign_id, subscriber_id = _parts(settings, token)
    if not subscriber_id:
        return UnsubscribeView(state="test")
    purpose_id, consent_id = _rested_on(session, campaign_id, subscriber_id)
    consent = _latest(session, subscriber_id, purpose_id)
    subscriber = consent.subscriber if consent is not None else None
    if consent is None or subscriber is None:
        return UNKNOWN
    return UnsubscribeView(
        state="active" if consent.status in OPEN else "ended",
        list_name=session.get_one(MailingList, consent.list_id).name,
        purpose_name=session.get_one(Purpose, consent.purpose_id).name(consent.language),
        masked_address=mask(subscriber.address),
        language=consent.language,
        newer=consent_id is not None and consent.id != consent_id,
        purpose_id=consent.purpose_id,
    )


def unsubscribe(
    tx: Transaction, token: str, *, facts: RequestFacts, how: str, at: datetime
) -> UnsubscribeView:
    """End the consent a mail's link speaks of; twice is fine, and so is an erased person.

    A link from an old mail ends a newer consent too: who presses it wants no more mail, and a link
    that does nothing would be worse than one that does too much (docs/decisions/0006).
    """
    campaign_id, subscriber_id = _parts(tx.settings, token)
    purpose_id, _consent_id = _rested_on(tx.session, campaign_id, subscriber_id)
    consent = _latest(tx.session, subscriber_id, purpose_id)
    if consent is not None:
        withdraw(tx, consent.id, how=how, actor="subscriber", facts=facts, at=at)
    return unsubscribe_view(tx.session, tx.settings, token)


def _parts(settings: Settings, token: str) -> tuple[int, int]:
    parts = open_token(settings.secret_keys, Door.UNSUBSCRIBE, token)
    if len(parts) != 2 or not all(isinstance(part, int) for part in parts):
        raise TokenInvalid
    return int(parts[0]), int(parts[1])


# The rooms above own these tables; a link made by them is opened here, so they are read by name.
_DELIVERY = sa.text(
    "SELECT c.purpose_id, d.consent_id FROM campaigns c LEFT JOIN deliveries d"
    " ON d.campaign_id = c.id AND d.subscriber_id = :subscriber WHERE c.id = :campaign"
)


def _rested_on(session: Session, campaign_id: int, subscriber_id: int) -> tuple[int, int | None]:
    row = session.execute(
        _DELIVERY, {"campaign": campaign_id, "subscriber": subscriber_id}
    ).one_or_none()
    return (0, None) if row is None else (int(row.purpose_id), row.consent_id)


def _latest(session: Session, subscriber_id: int, purpose_id: int) -> Consent | None:
    """The newest consent; where it has ended, that of the record this one was joined to.

    Who moved to another mailbox and presses a link in an old mail must not keep getting mail.
    """
    found = _own_latest(session, subscriber_id, purpose_id)
    seen = {subscriber_id}
    while found is None or found.status not in OPEN:
        person = session.get(Subscriber, subscriber_id)
        if person is None or person.merged_into_id is None or person.merged_into_id in seen:
            break
        subscriber_id = person.merged_into_id
        seen.add(subscriber_id)
        found = _own_latest(session, subscriber_id, purpose_id) or found
    return found


def _own_latest(session: Session, subscriber_id: int, purpose_id: int) -> Consent | None:
    return session.scalars(
        sa.select(Consent)
        .where(Consent.subscriber_id == subscriber_id, Consent.purpose_id == purpose_id)
        .order_by(Consent.id.desc())
        .limit(1)
    ).one_or_none()
