"""Count the mails a sender has begun since a moment, from the rows, to restore a lost counter."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign
from listmgr.delivery.smtp.providers import scope_of
from listmgr.lists.models import MailingList
from listmgr.senders.models import BUILT_IN
from listmgr.senders.transactional_route import sender_of


def count_attempts_since(session: Session, sender_id: int, since: datetime) -> Counter[str]:
    """Count attempts by domain and provider, and in total under "".

    A row stores only its last attempt; earlier ones of today are counted with it, so the count is
    never too low. Deferred deliveries count nothing.
    """
    attempts: Counter[str] = Counter()
    own = None if sender_id == BUILT_IN else sender_id
    campaigns = session.scalars(
        sa.select(Campaign.id).where(
            Campaign.sender_id.is_not_distinct_from(own),
            Campaign.launched_at.is_not(None),
            sa.or_(Campaign.finished_at.is_(None), Campaign.finished_at >= since),
        )
    ).all()
    # By the whole table: a campaign whose deliveries retention has dropped has none.
    rows = session.execute(
        sa.text(
            "SELECT s.domain, sum(d.attempts) FROM deliveries d"
            " LEFT JOIN subscribers s ON s.id = d.subscriber_id"
            " WHERE d.campaign_id = ANY(:campaigns) AND d.begun_at >= :since AND d.attempts > 0"
            " GROUP BY 1"
        ),
        {"campaigns": list(campaigns), "since": since},
    )
    for domain, count in (*rows, *_letters(session, sender_id, since)):
        _add(attempts, str(domain or ""), int(count))
    return attempts


def _letters(session: Session, sender_id: int, since: datetime) -> list[sa.Row[Any]]:
    """Count transactional mails by the current sender of their lists."""
    lists = [
        owner.id
        for owner in session.scalars(sa.select(MailingList))
        if sender_of(session, owner.sender_address, named=owner.sender_id).id == sender_id
    ]
    # The rooms above own cards and their letters: they are read by name.
    rows = session.execute(
        sa.text(
            "SELECT domain, count(*) FROM (SELECT s.domain FROM service_mails q"
            "  JOIN consents c ON c.id = q.consent_ids[1]"
            "  LEFT JOIN subscribers s ON s.id = c.subscriber_id"
            "  WHERE q.sent_at >= :since AND q.status <> 'queued' AND c.list_id = ANY(:lists)"
            " UNION ALL SELECT regexp_replace(k.address_key, '.*@', '') FROM card_replies m"
            "  JOIN cards k ON k.id = m.card_id"
            "  WHERE m.tried_at >= :since AND m.status <> 'queued' AND m.list_id = ANY(:lists)"
            ") x GROUP BY 1"
        ),
        {"since": since, "lists": lists},
    )
    return list(rows.all())


def _add(attempts: Counter[str], domain: str, count: int) -> None:
    for scope in {"", domain, scope_of(domain)}:
        attempts[scope] += count
