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
from listmgr.consent.change_address_models import AddressChangeStatus
from listmgr.consent.ledger import ConsentRow, record_rows
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent, ServiceMail, ServiceMailKind
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.signup_answers import (
    answers_of,
    apply_answers,
)
from listmgr.kit.rows import Rows, rows_unflushed
from listmgr.kit.tokens import TokenExpired, TokenInvalid, TokenPurpose, open_token, token_hash
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import mask
from listmgr.subscribers.field_catalogue import CatalogueField
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
    rows = rows_unflushed(tx.session)
    asked = _asked(rows, service_mail_id, token)
    consents = [row.shown for row in asked]
    open_now = [
        row
        for row in asked
        if row.shown.status is ConsentStatus.PENDING and not _over(row.shown, at)
    ]
    if open_now and not expired:
        _confirm_rows(tx, rows, open_now, facts=facts, at=at)
        if open_now[0].has_answers:
            apply_answers(tx, service_mail_id)
        if open_now[0].has_change:
            finish_changes(tx, [row.id for row in open_now], at=at)
        ids = {row.id for row in open_now}
        consents = [
            row.shown._replace(status=ConsentStatus.CONFIRMED, expires_at=None)
            if row.id in ids
            else row.shown
            for row in asked
        ]
    return _view_of(consents, expired=expired, at=at)


def _confirm_rows(
    tx: Transaction, rows: Rows, asked: list[_AskedConsent], *, facts: RequestFacts, at: datetime
) -> None:
    """Confirm consents of one mail, which are locked."""
    sent_at = asked[0].sent_at
    waited = (at - sent_at).total_seconds() if sent_at else None
    record_rows(
        tx,
        rows,
        [ConsentRow(row.id, ConsentStatus.PENDING, row.version) for row in asked],
        ConsentAction.CONFIRM,
        at=at,
        actor="subscriber",
        facts={
            "method": Method.CONFIRM_BUTTON,
            "seconds_since_mail": waited,
            # A scanner that presses buttons does it at once; the operator is shown it (T-04).
            "suspiciously_fast": waited is not None and waited < tx.settings.scanner_seconds,
        },
        evidence=facts.evidence(),
    )
    for row in asked:
        if row.is_blocked and row.fingerprint is not None:
            lift(tx, row.fingerprint, consent_id=row.id, at=at)


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


def _over(consent: Consent | _ConsentView, at: datetime) -> bool:
    return consent.expires_at is not None and consent.expires_at <= at


class _ConsentView(NamedTuple):
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


class _AskedConsent(NamedTuple):
    """A locked consent of a mail, with what confirming it needs."""

    id: int
    version: int
    sent_at: datetime | None
    fingerprint: bytes | None
    is_blocked: bool
    has_answers: bool
    has_change: bool
    shown: _ConsentView


# One statement locks the consents in the order of their ids and reads what their page shows. A
# block or a change of address that comes while it waits for a lock ends the consents first.
_ASKED = f"""
SELECT m.kind, m.token_hash, c.id, c.version, m.sent_at, s.fingerprint,
  EXISTS (SELECT FROM suppressions b WHERE b.fingerprint = s.fingerprint AND b.lifted_at IS NULL),
  EXISTS (SELECT FROM signup_answers a WHERE a.service_mail_id = m.id),
  EXISTS (SELECT FROM address_changes h WHERE h.status = '{AddressChangeStatus.ASKED}'
    AND h.consent_ids && m.consent_ids),
  c.status, c.expires_at, c.language, c.purpose_id, l.name, u.name_de, u.name_en, s.address
FROM service_mails m JOIN consents c ON c.id = ANY (m.consent_ids)
JOIN mailing_lists l ON l.id = c.list_id JOIN purposes u ON u.id = c.purpose_id
LEFT JOIN subscribers s ON s.id = c.subscriber_id
WHERE m.id = %(id)s ORDER BY c.id FOR UPDATE OF c
"""


def _asked(rows: Rows, service_mail_id: int, token: str) -> list[_AskedConsent]:
    """Return the consents a link belongs to, locked. Raises TokenInvalid for a forged link."""
    records = rows(_ASKED, {"id": service_mail_id})
    for kind, stored, *_ in records[:1] or rows(_SERVICE_MAIL, {"id": service_mail_id}):
        _must_match(kind, stored, token)
    return [
        _AskedConsent._make((*row[2:9], _ConsentView(ConsentStatus(row[9]), *row[10:])))
        for row in records
    ]


def _view(rows: Rows, consent_ids: list[int], *, expired: bool, at: datetime) -> ConfirmationView:
    records = rows(_CONSENTS, {"ids": consent_ids}) if consent_ids else []
    consents = [_ConsentView(ConsentStatus(row[0]), *row[1:]) for row in records]
    return _view_of(consents, expired=expired, at=at)


def _view_of(consents: list[_ConsentView], *, expired: bool, at: datetime) -> ConfirmationView:
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


def _state(consents: list[_ConsentView], *, expired: bool, at: datetime) -> ConfirmationState:
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
