"""Confirm a consent: the owner of the mailbox presses a button behind a signed link."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.change_address import finish_changes
from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent, ServiceMail, ServiceMailKind
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.signup_answers import (
    answers_of,
    apply_answers,
)
from listmgr.kit.rows import Rows, rows_of
from listmgr.kit.tokens import TokenExpired, TokenInvalid, TokenPurpose, open_token, token_hash
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import mask
from listmgr.subscribers.field_catalogue import CatalogueField
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.register import lift

DAY = 86_400


class ConfirmationState(enum.StrEnum):
    """What a confirmation link leads to."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ConfirmationView:
    """What the page of a confirmation link may show."""

    state: ConfirmationState
    purposes: tuple[tuple[str, str], ...]
    language: str
    masked_address: str
    purpose_ids: tuple[int, ...] = ()
    # What was typed into the form and is kept when the person confirms.
    answers: tuple[tuple[CatalogueField, str], ...] = ()


def confirmation_view(rows: Rows, settings: Settings, token: str, at: datetime) -> ConfirmationView:
    """Return what the link would do now; write nothing (T-01). Raises TokenInvalid for a forged
    link.
    """
    service_mail_id, expired = _open(settings, token)
    consent_ids: list[int] = []
    for kind, stored, consent_ids in rows(_SERVICE_MAIL, {"id": service_mail_id}):  # noqa: B007
        _must_match(kind, stored, token)
    view = _view(rows, consent_ids, expired=expired, at=at)
    if view.state is not ConfirmationState.OPEN:
        return view
    return replace(view, answers=answers_of(rows, service_mail_id))


def confirm(tx: Transaction, token: str, *, facts: RequestFacts, at: datetime) -> ConfirmationView:
    """Confirm every open consent the mail asked for; a second click shows them confirmed (T-03).

    A link belongs to its consents: those that ended stay ended, whatever is clicked later (T-05).
    """
    service_mail_id, expired = _open(tx.settings, token)
    service_mail = tx.session.get(ServiceMail, service_mail_id)
    consents = requested_consents(tx, token)
    open_now = [c for c in consents if c.status is ConsentStatus.PENDING and not _over(c, at)]
    if open_now and not expired:
        for consent in open_now:
            _confirm_one(tx, consent, service_mail, facts=facts, at=at)
        apply_answers(tx, service_mail_id)
        finish_changes(tx, open_now, at=at)
    ids = [consent.id for consent in consents]
    return _view(rows_of(tx.session), ids, expired=expired, at=at)


def requested_consents(tx: Transaction, token: str) -> list[Consent]:
    """Return the consents a link belongs to, locked. Raises TokenInvalid for a forged link."""
    service_mail_id, _expired = _open(tx.settings, token)
    service_mail = tx.session.get(ServiceMail, service_mail_id)
    if service_mail is None:
        return []
    _must_match(service_mail.kind, service_mail.token_hash, token)
    return _locked(tx.session, service_mail)


def service_mail_id_of(settings: Settings, token: str) -> int:
    """Return the id of the mail a link belongs to. Raises TokenInvalid for a forged link."""
    return _open(settings, token)[0]


def _confirm_one(
    tx: Transaction,
    consent: Consent,
    service_mail: ServiceMail | None,
    *,
    facts: RequestFacts,
    at: datetime,
) -> None:
    sent_at = service_mail.sent_at if service_mail else None
    waited = (at - sent_at).total_seconds() if sent_at else None
    evidence = {
        "method": Method.CONFIRM_BUTTON,
        "seconds_since_mail": waited,
        # A scanner that presses buttons does it at once; the operator is shown it (T-04).
        "suspiciously_fast": waited is not None and waited < tx.settings.scanner_seconds,
    }
    record(
        tx,
        consent,
        ConsentAction.CONFIRM,
        at=at,
        actor="subscriber",
        facts=evidence,
        evidence=facts.evidence(),
    )
    subscriber = tx.session.get_one(Subscriber, consent.subscriber_id)
    lift(tx, subscriber.fingerprint, consent_id=consent.id, at=at)


def _open(settings: Settings, token: str) -> tuple[int, bool]:
    try:
        parts = open_token(
            settings.secret_keys, TokenPurpose.CONFIRM, token, max_age=settings.confirm_days * DAY
        )
        expired = False
    except TokenExpired:
        # Too old to act, and still good enough to say which list it was about.
        parts = open_token(settings.secret_keys, TokenPurpose.CONFIRM, token)
        expired = True
    if len(parts) != 1 or not isinstance(parts[0], int):
        raise TokenInvalid
    return parts[0], expired


def _must_match(kind: str, stored: bytes | None, token: str) -> None:
    """Reject a token of another mail as forged. If the mail no longer exists, the token is
    expired.
    """
    if kind != ServiceMailKind.CONFIRM_SUBSCRIPTION or stored != token_hash(token):
        raise TokenInvalid


def _locked(session: Session, service_mail: ServiceMail) -> list[Consent]:
    query = sa.select(Consent).where(Consent.id.in_(service_mail.consent_ids)).order_by(Consent.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(query))


def _over(consent: Consent | _Shown, at: datetime) -> bool:
    return consent.expires_at is not None and consent.expires_at <= at


class _Shown(NamedTuple):
    """A consent as the confirmation page shows it."""

    status: ConsentStatus
    expires_at: datetime | None
    language: str
    purpose_id: int
    list_name: str
    name_de: str
    name_en: str
    address: str | None


_SERVICE_MAIL = "SELECT kind, token_hash, consent_ids FROM service_mails WHERE id = %(id)s"
_CONSENTS = """
SELECT c.status, c.expires_at, c.language, c.purpose_id, l.name, u.name_de, u.name_en, s.address
FROM consents c JOIN mailing_lists l ON l.id = c.list_id JOIN purposes u ON u.id = c.purpose_id
LEFT JOIN subscribers s ON s.id = c.subscriber_id WHERE c.id = ANY (%(ids)s) ORDER BY c.id
"""


def _view(rows: Rows, consent_ids: list[int], *, expired: bool, at: datetime) -> ConfirmationView:
    records = rows(_CONSENTS, {"ids": consent_ids}) if consent_ids else []
    consents = [_Shown(ConsentStatus(row[0]), *row[1:]) for row in records]
    address = next((c.address for c in consents if c.address), "")
    return ConfirmationView(
        state=_state(consents, expired=expired, at=at),
        purposes=tuple(
            (c.list_name, c.name_de if c.language == "de" else c.name_en) for c in consents
        ),
        language=consents[0].language if consents else "",
        masked_address=mask(address) if address else "",
        purpose_ids=tuple(consent.purpose_id for consent in consents),
    )


def _state(consents: list[_Shown], *, expired: bool, at: datetime) -> ConfirmationState:
    statuses = {consent.status for consent in consents}
    if ConsentStatus.PENDING in statuses and not expired:
        waiting = [c for c in consents if c.status is ConsentStatus.PENDING]
        return (
            ConfirmationState.EXPIRED
            if all(_over(c, at) for c in waiting)
            else ConfirmationState.OPEN
        )
    if ConsentStatus.CONFIRMED in statuses:
        return ConfirmationState.CONFIRMED
    unanswered = {ConsentStatus.PENDING, ConsentStatus.EXPIRED}
    return (
        ConfirmationState.EXPIRED
        if not statuses or statuses & unanswered
        else ConfirmationState.ENDED
    )
