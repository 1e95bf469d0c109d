"""Record what a person told staff: unsubscribe from one purpose, or no mail at all (L-13)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from listmgr.consent.lifecycle import OPEN
from listmgr.consent.methods import Method, RecordedBy
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress

# The ways a person can say it to staff.
REQUEST_CHANNELS = (Method.REPLY, Method.PHONE, Method.LETTER, Method.IN_PERSON)


def record_withdrawal_request(
    tx: Transaction, subscriber_id: int, consent_id: int, *, how: str, actor: str, at: datetime
) -> bool:
    """End one consent of a person; return False if it had ended. Raises InvalidInput or
    NotFound.
    """
    method = validate_channel(how)
    consent = tx.session.get(Consent, consent_id)
    if consent is None or consent.subscriber_id != subscriber_id:
        raise NotFound(N_("There is no such consent of this person."))
    return withdraw(tx, consent_id, method=method, actor=actor, facts=facts(method), at=at)


def record_objection(
    tx: Transaction, subscriber_id: int, *, how: str, actor: str, at: datetime
) -> int:
    """End every open consent and block the address; return how many ended.

    Only the person's own confirmation of a new sign-up lifts the block (L-15, L-16).
    """
    method = validate_channel(how)
    subscriber = tx.session.get(Subscriber, subscriber_id, with_for_update=True)
    if subscriber is None:
        raise NotFound(N_("There is no such subscriber."))
    open_ones = sa.select(Consent.id).where(
        Consent.subscriber_id == subscriber_id, Consent.status.in_(OPEN)
    )
    ended = [
        withdraw(tx, consent_id, method=method, actor=actor, facts=facts(method), at=at)
        for consent_id in tx.session.scalars(open_ones.order_by(Consent.id)).all()
    ]
    suppress(tx, subscriber.fingerprint, SuppressionReason.OBJECTED, at=at)
    return sum(ended)


def validate_channel(how: str) -> Method:
    """Return the channel. Raises InvalidInput unless it is one staff are spoken to by."""
    if how not in REQUEST_CHANNELS:
        raise InvalidInput(
            N_("Choose how the person asked."), {"how": N_("Choose how the person asked.")}
        )
    return Method(how)


def facts(method: Method) -> RequestFacts:
    """Return the evidence of a request made to staff."""
    # The network address of the operator's own browser is no evidence of the person's act.
    return RequestFacts(method=method, recorded_by=RecordedBy.STAFF)
