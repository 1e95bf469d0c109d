"""A person's complete history in one order: consents, mails, actions of staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign
from listmgr.consent.history import ConsentHistory
from listmgr.delivery.models import Delivery
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import AuditEntry
from listmgr.subscribers.models import Subscriber

MOST = 200
# Who looked stands in the audit log; it did nothing to the person.
LOOKS = (AuditAction.SUBSCRIBER_VIEWED,)


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """One line. `kind` is consent, mail or act; `what` the action, the status or the act's name.

    `address` names the record it belongs to, if several are read as one person. `link_id` is the id
    of the consent or the campaign.
    """

    at: datetime
    kind: str
    what: str
    about: str = ""
    status: str = ""
    actor: str = ""
    address: str = ""
    link_id: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


def activity(
    session: Session, people: Sequence[Subscriber], consents: Sequence[ConsentHistory]
) -> list[ActivityEntry]:
    """Return the history, newest first: all consents, and the latest 200 mails and acts each.

    `people` are the records of one person; if there are several, each line names its own.
    """
    shown = {person.id: person.address if len(people) > 1 else "" for person in people}
    entries = [
        *_consents(shown, consents),
        *_mails(session, shown),
        *_acts(session, shown),
    ]
    # What happened at the same moment keeps its order, too, when the newest come first.
    return sorted(entries, key=lambda entry: entry.at)[::-1]


def _consents(
    people: Mapping[int, str], consents: Sequence[ConsentHistory]
) -> Iterator[ActivityEntry]:
    for history in consents:
        for entry in history.entries:
            yield ActivityEntry(
                entry.at,
                "consent",
                entry.action,
                f"{history.list_name} · {history.purpose_name}",
                entry.status,
                entry.actor,
                people[history.consent.subscriber_id or 0],
                history.consent.id,
                entry.facts,
                entry.evidence,
            )


def _mails(session: Session, people: Mapping[int, str]) -> Iterator[ActivityEntry]:
    rows = session.execute(
        sa.select(
            Delivery.subscriber_id,
            Delivery.status,
            Delivery.begun_at,
            Delivery.ended_at,
            Delivery.attempts,
            Delivery.reply,
            Campaign.id,
            Campaign.name,
        )
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(Delivery.subscriber_id.in_(people))
        .order_by(Delivery.begun_at.desc())
        .limit(MOST)
    )
    for who, status, begun, ended, attempts, reply, campaign_id, name in rows:
        facts = {"answer of the mail server": reply or "", "attempts": attempts}
        yield ActivityEntry(
            ended or begun,
            "mail",
            status.value,
            name,
            address=people[who],
            link_id=campaign_id,
            facts=facts,
        )


def _acts(session: Session, people: Mapping[int, str]) -> Iterator[ActivityEntry]:
    rows = session.scalars(
        sa.select(AuditEntry)
        .where(
            AuditEntry.subject == "subscriber",
            AuditEntry.subject_id.in_(people),
            AuditEntry.action.not_in(LOOKS),
        )
        .order_by(AuditEntry.id.desc())
        .limit(MOST)
    )
    for entry in rows:
        yield ActivityEntry(
            entry.at,
            "act",
            entry.action,
            actor=f"operator:{entry.operator_id}" if entry.operator_id else "system",
            address=people[entry.subject_id or 0],
            facts=entry.details,
        )
