"""Request confirmation of a sign-up, within limits against abuse.

Over a limit a request waits, and `waiting_requests` sends it when the limits allow (T-09).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import Consent, ServiceMail, ServiceMailKind, ServiceMailStatus
from listmgr.kit.queue import Job
from listmgr.kit.rows import rows_of
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList
from listmgr.subscribers.address import Address, fingerprint
from listmgr.subscribers.models import Subscriber

MOST_KEYS_A_DAY = 3
# Up to this share of a limit the first to come are the first asked; the rest go by turns, so that
# a flood does not take all of it (`waiting_requests`).
AT_ONCE = 0.5


def request_confirmation(
    tx: Transaction,
    consents: Sequence[Consent],
    address: Address,
    *,
    at: datetime,
    actor: str,
    network: bytes | None = None,
) -> ServiceMail | None:
    """Move consents to pending and queue one mail for them, or let it wait for the limits.

    `network` is the keyed fingerprint of where the request came from, by which waiting requests
    take turns. Returns None if the mailbox was asked for all of it within a day.
    """
    service_mail = _service_mail(tx, ServiceMailKind.CONFIRM_SUBSCRIPTION, consents, address, at)
    service_mail.actor, service_mail.network = actor, network
    _lock_mailbox(tx, service_mail)
    full = full_limits(tx, service_mail, at, share=AT_ONCE)
    if full.mailbox and all(c.status is ConsentStatus.PENDING for c in consents):
        return None
    if any(full):
        return _wait(tx, service_mail)
    begin_asking(tx, service_mail, consents, at=at)
    return service_mail


def begin_asking(
    tx: Transaction, service_mail: ServiceMail, consents: Sequence[Consent], *, at: datetime
) -> None:
    """Move the consents to pending for `confirm_days` from now on, and queue the mail."""
    for consent in consents:
        consent.asked_at = at
        consent.expires_at = at + timedelta(days=tx.settings.confirm_days)
        record(tx, consent, ConsentAction.REQUEST, at=at, actor=service_mail.actor)
    queue(tx, service_mail, at)


def askable_consents(
    tx: Transaction, consent_ids: Sequence[int], statuses: Sequence[ConsentStatus], at: datetime
) -> list[Consent]:
    """Return the consents a mail may rest on: the person may have left or been restricted
    meanwhile.
    """
    query = (
        sa.select(Consent)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .join(MailingList, MailingList.id == Consent.list_id)
        .where(
            Consent.id.in_(consent_ids),
            Consent.status.in_(statuses),
            sa.or_(Consent.expires_at.is_(None), Consent.expires_at > at),
            Subscriber.restricted_at.is_(None),
            MailingList.archived_at.is_(None),
        )
        .order_by(Consent.id)
    )
    return list(tx.session.scalars(query))


def queue_already_subscribed(
    tx: Transaction, consents: Sequence[Consent], address: Address, *, at: datetime
) -> ServiceMail | None:
    """Queue the mail that says "you are already subscribed": only the mailbox learns it (T-10)."""
    service_mail = _service_mail(tx, ServiceMailKind.ALREADY_SUBSCRIBED, consents, address, at)
    _lock_mailbox(tx, service_mail)
    full = full_limits(tx, service_mail, at, share=AT_ONCE)
    if full.mailbox:
        return None
    if full.others:
        return _wait(tx, service_mail)
    return queue(tx, service_mail, at)


def queue_address_change_notice(
    tx: Transaction, consents: Sequence[Consent], address: Address, *, at: datetime
) -> ServiceMail:
    """Queue the mail that informs the old mailbox of a change of address; no limit applies."""
    return queue(tx, _service_mail(tx, ServiceMailKind.ADDRESS_CHANGE, consents, address, at), at)


def queue_my_data_link(
    tx: Transaction, consents: Sequence[Consent], address: Address, *, at: datetime
) -> ServiceMail | None:
    """Queue the mail with the link to the person's data; None if three were sent in a day."""
    recipient, _domain = _limit_keys(tx, address)
    lately = sa.select(sa.func.count()).where(
        ServiceMail.kind == ServiceMailKind.MY_DATA,
        ServiceMail.recipient == recipient,
        ServiceMail.created_at > at - timedelta(days=1),
    )
    if tx.session.scalars(lately).one() >= MOST_KEYS_A_DAY:
        return None
    return queue(tx, _service_mail(tx, ServiceMailKind.MY_DATA, consents, address, at), at)


def queue(tx: Transaction, service_mail: ServiceMail, at: datetime) -> ServiceMail:
    """Queue a service mail, which from now on counts towards the limits."""
    service_mail.status, service_mail.queued_at = ServiceMailStatus.QUEUED, at
    tx.session.add(service_mail)
    tx.session.flush()
    tx.after_commit(
        Job(
            "send_service_mail",
            (service_mail.id,),
            queue="mail",
            key=f"service-mail-{service_mail.id}",
        )
    )
    return service_mail


class FullLimits(NamedTuple):
    """Which limits are reached: of the mailbox; of its domain or of the installation."""

    mailbox: bool
    others: bool


def full_limits(
    tx: Transaction, service_mail: ServiceMail, at: datetime, *, share: float = 1
) -> FullLimits:
    """Check all limits of a mail in one statement; `share` scales those shared by many
    mailboxes.
    """
    settings = tx.settings
    values = {
        "recipient": service_mail.recipient,
        "domain": service_mail.domain,
        "per_day": settings.mailbox_per_day,
        "per_month": settings.mailbox_per_month,
        "domain_per_hour": math.ceil(settings.domain_per_hour * share),
        "not_arrived": _NOT_ARRIVED,
        "day_ago": at - timedelta(days=1),
        "month_ago": at - timedelta(days=30),
        **_hour(tx, at, share),
    }
    [(mailbox, others)] = rows_of(tx.session)(_FULL_LIMITS, values)
    return FullLimits(mailbox, others)


def is_hour_full(tx: Transaction, at: datetime) -> bool:
    """Whether the installation's limit for one hour is reached."""
    [(full,)] = rows_of(tx.session)(f"SELECT {_EVERYBODY}", _hour(tx, at, 1))
    return bool(full)


def _hour(tx: Transaction, at: datetime, share: float) -> dict[str, object]:
    per_hour = math.ceil(tx.settings.confirmations_per_hour * share)
    return {"per_hour": per_hour, "hour_ago": at - timedelta(hours=1)}


def _reaches(limit: str, since: str, condition: str = "true") -> str:
    """Return SQL that tells whether this many mails were queued since then; reads no more rows than
    the limit.
    """
    return (
        f"(SELECT count(*) FROM (SELECT FROM service_mails WHERE queued_at > %({since})s"
        f" AND {condition} LIMIT %({limit})s) AS counted) >= %({limit})s"
    )


# What did not arrive, or may not have, must not keep the person out for a day.
_NOT_ARRIVED = [ServiceMailStatus.FAILED.value, ServiceMailStatus.UNCERTAIN.value]
_EVERYBODY = _reaches("per_hour", "hour_ago")
_ARRIVED = "recipient = %(recipient)s AND status <> ALL(%(not_arrived)s)"
_FULL_LIMITS = (
    f"SELECT {_reaches('per_day', 'day_ago', _ARRIVED)}"
    f" OR {_reaches('per_month', 'month_ago', 'recipient = %(recipient)s')},"
    f" {_reaches('domain_per_hour', 'hour_ago', 'domain = %(domain)s')} OR {_EVERYBODY}"
)


def _lock_mailbox(tx: Transaction, service_mail: ServiceMail) -> None:
    """Serialize sign-ups for one address, so that two at once do not both pass the limits."""
    lock = int.from_bytes(service_mail.recipient[:8], "big", signed=True)
    # A statement of its own: what is counted next includes what the other one has written.
    rows_of(tx.session)("SELECT pg_advisory_xact_lock(%(lock)s::bigint)", {"lock": lock})


def _service_mail(
    tx: Transaction,
    kind: ServiceMailKind,
    consents: Sequence[Consent],
    address: Address,
    at: datetime,
) -> ServiceMail:
    recipient, domain = _limit_keys(tx, address)
    return ServiceMail(
        kind=kind,
        consent_ids=[consent.id for consent in consents],
        recipient=recipient,
        domain=domain,
        created_at=at,
    )


def _wait(tx: Transaction, service_mail: ServiceMail) -> ServiceMail:
    """Keep a request until the limits allow it; a second sign-up meanwhile adds no second one."""
    waiting = tx.session.scalars(
        sa.select(ServiceMail).where(
            ServiceMail.status == ServiceMailStatus.WAITING,
            ServiceMail.recipient == service_mail.recipient,
            ServiceMail.kind == service_mail.kind,
            ServiceMail.consent_ids == service_mail.consent_ids,
        )
    ).first()
    if waiting is not None:
        return waiting
    service_mail.status = ServiceMailStatus.WAITING
    tx.session.add(service_mail)
    tx.session.flush()
    return service_mail


def _limit_keys(tx: Transaction, address: Address) -> tuple[bytes, bytes]:
    key = tx.settings.suppression_key
    # One mailbox in whatever spelling: tags, and Google's dots, make no new one (T-09).
    return fingerprint(key, address.mailbox_key), fingerprint(key, address.domain)
