"""Refuse a request: "this was not me", from a mailbox whose owner never asked."""

from __future__ import annotations

from datetime import datetime

from listmgr.consent.confirm import (
    ConfirmationView,
    confirmation_view,
    requested_consents,
    service_mail_id_of,
)
from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.signup_answers import drop_answers
from listmgr.kit.rows import rows_of
from listmgr.kit.transaction import Transaction

_HOW = {
    ConsentStatus.PENDING: ConsentAction.REFUSE,
    # Said after the click it ends the consent all the same, and the proof stays.
    ConsentStatus.CONFIRMED: ConsentAction.WITHDRAW,
}


def refuse(tx: Transaction, token: str, *, facts: RequestFacts, at: datetime) -> ConfirmationView:
    """End every consent the mail asked for. Safe to press twice. Raises TokenInvalid."""
    for consent in requested_consents(tx, token):
        action = _HOW.get(consent.status)
        if action is not None:
            record(
                tx,
                consent,
                action,
                at=at,
                actor="subscriber",
                facts={"method": Method.NOT_ME},
                evidence=facts.evidence(),
            )
    drop_answers(tx, service_mail_id_of(tx.settings, token))
    return confirmation_view(rows_of(tx.session), tx.settings, token, at)
