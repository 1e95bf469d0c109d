"""Accept a sign-up without looking anything up, then process it unobserved (T-10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from listmgr.consent.capture import capture
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource, Signup
from listmgr.consent.request_confirmation import (
    queue_already_subscribed,
    request_confirmation,
)
from listmgr.consent.signup_answers import keep_answers
from listmgr.kit.queue import Job
from listmgr.kit.rows import rows_of
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Notice, Purpose
from listmgr.subscribers.address import Address, AddressError, fingerprint, parse_address
from listmgr.subscribers.models import Subscriber


@dataclass(frozen=True, slots=True)
class SignupContent:
    """The submitted form. `notice_ids` are the notices whose boxes were ticked, as displayed."""

    address: str
    notice_ids: tuple[int, ...]
    language: str
    form_url: str
    first_name: str = ""
    last_name: str = ""
    ip: str = ""
    user_agent: str = ""
    # Keyed fingerprint of the visitor's network, hexadecimal; empty where it may not be kept.
    network: str = ""
    # Of the catalogue's fields, as they are kept; written only when the person has confirmed.
    values: dict[str, str] = field(default_factory=dict)


def receive(tx: Transaction, *, form_id: int, content: SignupContent, at: datetime) -> None:
    """Store a sign-up with one insert, the same for new, pending, active and suppressed people."""
    signup = Signup(form_id=form_id, received_at=at, content=asdict(content))
    tx.session.add(signup)
    tx.session.flush()
    tx.after_commit(Job("process_signup", (signup.id,), queue="mail", key=f"signup-{signup.id}"))


_TAKE = "DELETE FROM signups WHERE id = %(id)s RETURNING received_at, content"


def process_signup(tx: Transaction, signup_id: int, *, at: datetime) -> None:
    """Capture consents and request confirmation. Safe to run twice: the first commit deletes the
    row.
    """
    taken = rows_of(tx.session)(_TAKE, {"id": signup_id})
    if not taken:
        return
    received_at, content = taken[0][0], _content(taken[0][1])
    try:
        address = parse_address(content.address)
    except AddressError:
        return
    notices = _notices(tx, content.notice_ids)
    if notices:
        _enrol(tx, address, notices, content, received_at=received_at, at=at)


def _enrol(
    tx: Transaction,
    address: Address,
    notices: Sequence[Notice],
    content: SignupContent,
    *,
    received_at: datetime,
    at: datetime,
) -> None:
    subscriber = find_or_add(tx, address, content, at=at)
    if subscriber.restricted_at is not None:
        # Article 18: nothing is done with the data until the restriction is lifted.
        return
    evidence = {
        "address_typed": content.address,
        "address": subscriber.address,
        "ip": content.ip,
        "user_agent": content.user_agent[:500],
        "received_at": received_at.isoformat(),
    }
    consents = [
        capture(
            tx,
            subscriber,
            notice,
            source=ConsentSource.FORM,
            at=at,
            actor="subscriber",
            form_url=content.form_url,
            evidence=evidence,
        )
        for notice in notices
    ]
    to_ask = [c for c in consents if c.status is not ConsentStatus.CONFIRMED]
    if to_ask:
        network = bytes.fromhex(content.network) or None
        service_mail = request_confirmation(
            tx, to_ask, address, at=at, actor="subscriber", network=network
        )
        if service_mail is not None:
            keep_answers(tx, service_mail, subscriber, content.values, at=at)
    else:
        queue_already_subscribed(tx, consents, address, at=at)


def find_or_add(
    tx: Transaction, address: Address, content: SignupContent, *, at: datetime
) -> Subscriber:
    """Return the subscriber of an address. An unproven sign-up never changes an existing record."""
    key = fingerprint(tx.settings.suppression_key, address.key)
    added = tx.session.scalars(
        insert(Subscriber)
        .values(
            address=address.display,
            envelope=address.envelope,
            address_key=address.key,
            domain=address.domain,
            fingerprint=key,
            language=content.language,
            first_name=content.first_name,
            last_name=content.last_name,
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=["address_key"])
        .returning(Subscriber)
    ).first()
    return (
        added
        or tx.session.scalars(
            sa.select(Subscriber).where(Subscriber.address_key == address.key).with_for_update()
        ).one()
    )


def _notices(tx: Transaction, ids: Sequence[int]) -> list[Notice]:
    """Return the notices that can still be agreed to; archived lists accept no one."""
    return list(
        tx.session.scalars(
            sa.select(Notice)
            .join(Notice.purpose)
            .join(Purpose.mailing_list)
            .options(sa.orm.contains_eager(Notice.purpose, Purpose.mailing_list))
            .where(Notice.id.in_(ids), MailingList.archived_at.is_(None))
            .order_by(Notice.id)
        )
    )


def _content(stored: dict[str, Any]) -> SignupContent:
    return SignupContent(**{**stored, "notice_ids": tuple(stored["notice_ids"])})
