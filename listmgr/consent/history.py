"""The complete history of a person's consents, for the subscriber's page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.models import Consent, ConsentEvent, ConsentEvidence
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.models import Subscriber


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event with its facts and the personal evidence that is still stored."""

    at: datetime
    action: str
    status: str
    actor: str
    facts: dict[str, Any]
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConsentHistory:
    """One consent with its list, purpose and events, oldest first.

    `address` is the mailbox it belongs to.
    """

    consent: Consent
    list_name: str
    purpose_name: str
    address: str
    entries: tuple[HistoryEntry, ...]


def history(session: Session, consent_id: int) -> tuple[HistoryEntry, ...]:
    """Return the events of one consent, oldest first."""
    return tuple(_entries(session, [consent_id])[consent_id])


def histories(
    session: Session, people: Sequence[Subscriber], language: str
) -> list[ConsentHistory]:
    """Return all consents of one person's records, newest first, in two queries."""
    rows = session.execute(
        sa.select(Consent, MailingList, Purpose)
        .join(MailingList, MailingList.id == Consent.list_id)
        .join(Purpose, Purpose.id == Consent.purpose_id)
        .where(Consent.subscriber_id.in_([person.id for person in people]))
        .order_by(Consent.id.desc())
    ).all()
    entries = _entries(session, [consent.id for consent, _, _ in rows])
    addresses = {person.id: person.address for person in people}
    return [
        ConsentHistory(
            consent,
            mailing_list.name,
            purpose.name(language),
            addresses[consent.subscriber_id or 0],
            tuple(entries[consent.id]),
        )
        for consent, mailing_list, purpose in rows
    ]


def _entries(session: Session, consent_ids: Sequence[int]) -> dict[int, list[HistoryEntry]]:
    rows = session.execute(
        sa.select(ConsentEvent, ConsentEvidence.content)
        .outerjoin(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvent.consent_id.in_(consent_ids))
        .order_by(ConsentEvent.consent_id, ConsentEvent.seq)
    )
    entries: dict[int, list[HistoryEntry]] = {consent_id: [] for consent_id in consent_ids}
    for event, content in rows:
        entries[event.consent_id].append(
            HistoryEntry(
                at=event.at,
                action=ConsentAction(event.action).value,
                status=event.status.value,
                actor=event.actor,
                facts=json.loads(event.facts),
                evidence=json.loads(content or "{}"),
            )
        )
    return entries
