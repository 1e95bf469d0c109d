"""Requests over a limit: kept, and sent when the limits allow, with networks taking turns.

Somebody who floods the forms exhausts the limits but must not lock out everybody else (T-09): the
next request comes from the network with the fewest requests sent in a day.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ServiceMail, ServiceMailKind, ServiceMailStatus
from listmgr.consent.request_confirmation import (
    askable_consents,
    begin_asking,
    full_limits,
    is_hour_full,
    queue,
)
from listmgr.kit.transaction import Transaction

BATCH = 200
MAX_COUNT = 10_000
# Of the advisory lock that lets one process at a time give room away.
LOCK = 5_233_001
EXPIRED = "no room in time"
_log = logging.getLogger(__name__)

_NEXT = sa.text("""
WITH full_domains AS (
  SELECT domain FROM service_mails WHERE queued_at > :hour_ago GROUP BY domain
  HAVING count(*) >= :domain_per_hour
), served AS (
  SELECT network, count(*) AS n FROM service_mails
  WHERE network IS NOT NULL AND queued_at > :day_ago GROUP BY network
), turns AS (
  SELECT w.id, coalesce(served.n, 0) + row_number() OVER (PARTITION BY w.network ORDER BY w.id)
         AS turn
  FROM service_mails w LEFT JOIN served ON served.network = w.network
  WHERE w.status = 'waiting' AND w.domain NOT IN (SELECT domain FROM full_domains)
    AND (SELECT count(*) FROM service_mails q WHERE q.recipient = w.recipient
         AND q.queued_at > :day_ago AND q.status NOT IN ('failed', 'uncertain')) < :per_day
    AND (SELECT count(*) FROM service_mails q WHERE q.recipient = w.recipient
         AND q.queued_at > :month_ago) < :per_month
)
SELECT id FROM turns ORDER BY turn, id LIMIT :batch
""")


def release_waiting(tx: Transaction, *, at: datetime) -> int:
    """Queue the waiting requests the limits allow; return how many. Safe to run on several
    hosts.
    """
    waiting = _waiting(tx, at)
    if not waiting or not _is_first(tx):
        return 0
    if is_hour_full(tx, at):
        _log.warning(
            "LISTMGR_CONFIRMATIONS_PER_HOUR is reached: %s%d sign-ups wait for room",
            "at least " if waiting == MAX_COUNT else "",
            waiting,
        )
        return 0
    settings = tx.settings
    candidates = tx.session.scalars(
        _NEXT,
        {
            "hour_ago": at - timedelta(hours=1),
            "day_ago": at - timedelta(days=1),
            "month_ago": at - timedelta(days=30),
            "domain_per_hour": settings.domain_per_hour,
            "per_day": settings.mailbox_per_day,
            "per_month": settings.mailbox_per_month,
            "batch": BATCH,
        },
    ).all()
    asked_now: set[bytes] = set()
    return sum(_release(tx, service_mail_id, asked_now, at) for service_mail_id in candidates)


def forget_networks(tx: Transaction, *, at: datetime) -> None:
    """Delete where requests came from once it no longer decides whose turn it is."""
    tx.session.execute(
        sa.update(ServiceMail)
        .where(
            ServiceMail.network.is_not(None),
            ServiceMail.status != ServiceMailStatus.WAITING,
            ServiceMail.created_at <= at - timedelta(days=1),
            sa.or_(
                ServiceMail.queued_at.is_(None), ServiceMail.queued_at <= at - timedelta(days=1)
            ),
        )
        .values(network=None)
    )


def _waiting(tx: Transaction, at: datetime) -> int:
    """Count the waiting requests up to MAX_COUNT, without those whose consents have expired."""
    over = at - timedelta(days=tx.settings.confirm_days)
    waiting = ServiceMail.status == ServiceMailStatus.WAITING
    some = sa.select(ServiceMail.id).where(waiting).limit(MAX_COUNT).subquery()
    count = tx.session.scalars(sa.select(sa.func.count()).select_from(some)).one()
    if count:
        tx.session.execute(
            sa.update(ServiceMail)
            .where(waiting, ServiceMail.created_at <= over)
            .values(status=ServiceMailStatus.FAILED, last_error=EXPIRED)
        )
    return count


def _is_first(tx: Transaction) -> bool:
    return bool(tx.session.scalars(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))).one())


def _release(tx: Transaction, service_mail_id: int, asked_now: set[bytes], at: datetime) -> bool:
    service_mail = tx.session.get_one(ServiceMail, service_mail_id, with_for_update=True)
    if service_mail.recipient in asked_now or full_limits(tx, service_mail, at).others:
        return False
    confirm = service_mail.kind is ServiceMailKind.CONFIRM_SUBSCRIPTION
    statuses = (
        (ConsentStatus.CAPTURED, ConsentStatus.PENDING) if confirm else (ConsentStatus.CONFIRMED,)
    )
    consents = askable_consents(tx, service_mail.consent_ids, statuses, at)
    if not consents:
        service_mail.status, service_mail.last_error = (
            ServiceMailStatus.FAILED,
            "nothing left to ask",
        )
        return False
    asked_now.add(service_mail.recipient)
    if confirm:
        begin_asking(tx, service_mail, consents, at=at)
    else:
        queue(tx, service_mail, at)
    return True
