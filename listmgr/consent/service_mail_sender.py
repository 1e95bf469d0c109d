"""Send service mails, the only mails that may go to somebody who has not confirmed anything."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from listmgr.consent.ledger import lock_consent, record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import Consent, ServiceMail, ServiceMailKind, ServiceMailStatus
from listmgr.consent.request_confirmation import askable_consents
from listmgr.consent.service_mail_content import (
    Advertising,
    compose_service_mail,
)
from listmgr.kit.mail import (
    MailLoginRefused,
    MailReceipt,
    MailRefused,
    MailServerAway,
    MailUncertain,
    OutgoingMail,
)
from listmgr.kit.queue import Job
from listmgr.kit.rows import rows_of, rows_unflushed
from listmgr.kit.throttled_log import ThrottledLog
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash
from listmgr.kit.transaction import Transaction, UnitOfWork
from listmgr.lists.models import MailingList
from listmgr.senders.transactional_route import (
    SendVia,
    TransactionalRoute,
    way,
)

_trouble = ThrottledLog(logging.getLogger(__name__))
# Each attempt waits longer than the one before, up to an hour, for as long as it is still of use.
LONGEST_WAIT_MINUTES = 60
GIVE_UP = timedelta(days=2)
# A server that was away a moment ago is tried by one mail a minute, not by every waiting one:
# each would hold a worker for the whole time-out.
PAUSE = timedelta(minutes=1)
LEFT_HALF_DONE = timedelta(minutes=10)
_SOFT_BREAK = b"=\r\n"


class ClaimedServiceMail(NamedTuple):
    """A mail only this process may send, with its route and the secret in its link."""

    service_mail_id: int
    letter: OutgoingMail
    way: TransactionalRoute
    token: str


def send_service_mail(
    uow: UnitOfWork,
    post: SendVia,
    templates: Path,
    service_mail_id: int,
    *,
    now: Callable[[], datetime],
) -> None:
    """Send one service mail. Safe to run twice: the claim is committed before the mail is sent."""
    with uow() as tx:
        service_mail = tx.session.get(
            ServiceMail, service_mail_id, with_for_update={"skip_locked": True}
        )
        claimed = claim(tx, service_mail, templates, now()) if service_mail is not None else None
    if claimed is not None:
        send_claimed(uow, post, claimed, now=now)


def send_claimed(
    uow: UnitOfWork, post: SendVia, claimed: ClaimedServiceMail, *, now: Callable[[], datetime]
) -> None:
    """Send a claimed mail after the commit of the claim and store the server's answer."""
    service_mail_id, letter, its_way, token = claimed
    try:
        receipt = post(letter, its_way)
    except MailRefused as error:
        status = ServiceMailStatus.FAILED if error.permanent else ServiceMailStatus.QUEUED
        _settle(uow, service_mail_id, status, f"refused: {error}")
    except MailServerAway as error:
        away = its_way.terms.sender_id
        refused = isinstance(error, MailLoginRefused)
        _settle(
            uow, service_mail_id, ServiceMailStatus.QUEUED, f"server away: {error}", away, refused
        )
        if refused:
            sentence = f"the mail server of sender {away} refuses the login, single mails wait"
            _trouble.log(f"sender {away}", error, sentence)
    except MailUncertain as error:
        # It may have been taken: never sent again by itself; the person can sign up again.
        _settle(uow, service_mail_id, ServiceMailStatus.UNCERTAIN, f"uncertain: {error}")
    else:
        _trouble.end(f"sender {its_way.terms.sender_id}")
        with uow() as tx:
            _sent(tx, service_mail_id, receipt, token, now())


def sweep_service_mails(tx: Transaction, *, at: datetime) -> int:
    """Queue waiting mails again; give up on those a dead worker left half sent."""
    _close(tx, ServiceMailStatus.SENDING, ServiceMail.sent_at < at - LEFT_HALF_DONE, "worker died")
    _close(
        tx, ServiceMailStatus.QUEUED, ServiceMail.queued_at < at - GIVE_UP, "gave up after two days"
    )
    minutes = sa.func.least(ServiceMail.attempts * ServiceMail.attempts, LONGEST_WAIT_MINUTES)
    wait = sa.func.make_interval(0, 0, 0, 0, 0, sa.cast(minutes, sa.Integer))
    waiting = tx.session.scalars(
        sa.select(ServiceMail.id)
        .where(
            ServiceMail.status == ServiceMailStatus.QUEUED,
            sa.or_(ServiceMail.sent_at.is_(None), ServiceMail.sent_at + wait <= at),
        )
        .order_by(ServiceMail.id)
        .limit(1000)
    ).all()
    for mail_id in waiting:
        tx.after_commit(
            Job("send_service_mail", (mail_id,), queue="mail", key=f"service-mail-{mail_id}")
        )
    return len(waiting)


def _close(
    tx: Transaction, status: ServiceMailStatus, overdue: sa.ColumnElement[bool], why: str
) -> None:
    """Close overdue mails: one being sent may have arrived, a waiting one has not."""
    uncertain = status is ServiceMailStatus.SENDING
    tx.session.execute(
        sa.update(ServiceMail)
        .where(ServiceMail.status == status, overdue)
        .values(
            status=ServiceMailStatus.UNCERTAIN if uncertain else ServiceMailStatus.FAILED,
            last_error=why,
        )
    )


def claim(
    tx: Transaction, service_mail: ServiceMail, templates: Path, at: datetime
) -> ClaimedServiceMail | None:
    """Compose the mail and mark it as being sent; return None if it must not be sent now.

    The row is locked or was created in this transaction.
    """
    if service_mail.status is not ServiceMailStatus.QUEUED:
        return None
    consents = _still_asked(tx, service_mail, at)
    if not consents:
        service_mail.status = ServiceMailStatus.FAILED
        service_mail.last_error = "nothing left to ask"
        return None
    its_way = _way(tx, consents[0])
    if _server_away(tx, its_way, at):
        return None
    token = _token(tx, service_mail, consents)
    try:
        letter = compose_service_mail(tx, service_mail, consents, token, templates)
    except Advertising as error:
        service_mail.status = ServiceMailStatus.FAILED
        service_mail.last_error = f"not sober: {error}"[:300]
        return None
    service_mail.status = ServiceMailStatus.SENDING
    service_mail.attempts += 1
    asks = service_mail.kind in {
        ServiceMailKind.CONFIRM_SUBSCRIPTION,
        ServiceMailKind.ALREADY_SUBSCRIBED,
    }
    service_mail.token_hash = token_hash(token) if asks else None
    # Until it is sent, the time of the last attempt.
    service_mail.sent_at = at
    return ClaimedServiceMail(service_mail.id, letter, its_way, token)


def _way(tx: Transaction, consent: Consent) -> TransactionalRoute:
    mailing_list = tx.session.get_one(MailingList, consent.list_id)
    return way(tx.session, tx.settings, mailing_list.sender_address, named=mailing_list.sender_id)


def _token(tx: Transaction, service_mail: ServiceMail, consents: Sequence[Consent]) -> str:
    """Return the token of the mail's one link: the confirmation, or the person's own page."""
    keys, person = tx.settings.secret_keys, int(consents[0].subscriber_id or 0)
    if service_mail.kind is ServiceMailKind.ADDRESS_CHANGE:
        return make_token(keys, TokenPurpose.PREFERENCES, person)
    if service_mail.kind is ServiceMailKind.MY_DATA:
        return make_token(keys, TokenPurpose.MY_DATA, person)
    return make_token(keys, TokenPurpose.CONFIRM, service_mail.id)


_SERVER_AWAY = (
    "SELECT EXISTS (SELECT FROM service_mails WHERE status = %(status)s"
    " AND away_sender_id = %(sender_id)s AND sent_at > %(since)s)"
)


def _server_away(tx: Transaction, its_way: TransactionalRoute, at: datetime) -> bool:
    values = {
        "status": ServiceMailStatus.QUEUED.value,
        "sender_id": its_way.terms.sender_id,
        "since": at - PAUSE,
    }
    [(is_away,)] = rows_unflushed(tx.session)(_SERVER_AWAY, values)
    return bool(is_away)


def _still_asked(tx: Transaction, service_mail: ServiceMail, at: datetime) -> list[Consent]:
    """Return the consents the mail may rest on now: the person may have left or been restricted."""
    if service_mail.kind is ServiceMailKind.MY_DATA:
        # Whoever we hold data of may see them, subscribed or not, restricted or not (Art. 15).
        theirs = sa.select(Consent).where(
            Consent.id.in_(service_mail.consent_ids), Consent.subscriber_id.is_not(None)
        )
        return list(tx.session.scalars(theirs))
    confirm = service_mail.kind is ServiceMailKind.CONFIRM_SUBSCRIPTION
    status = ConsentStatus.PENDING if confirm else ConsentStatus.CONFIRMED
    return askable_consents(tx, service_mail.consent_ids, (status,), at)


def _settle(
    uow: UnitOfWork,
    service_mail_id: int,
    status: ServiceMailStatus,
    error: str,
    away_sender_id: int | None = None,
    login_refused: bool = False,
) -> None:
    with uow() as tx:
        service_mail = tx.session.get_one(ServiceMail, service_mail_id, with_for_update=True)
        service_mail.status = status
        service_mail.last_error = error[:300]
        service_mail.away_sender_id = away_sender_id
        service_mail.login_refused = login_refused


def without_secret(mime: bytes, token: str) -> bytes:
    """Return the mail byte for byte as sent, except for the secret of its link.

    A reader of the proof could confirm with it. Each of its characters becomes an x, also where
    quoted-printable breaks the line within it (RFC 2045, 6.7).
    """
    lines = mime.split(_SOFT_BREAK)
    masked = io.BytesIO(b"".join(lines).replace(token.encode(), b"x" * len(token)))
    return _SOFT_BREAK.join(masked.read(len(line)) for line in lines)


_MARK_SENT = (
    "UPDATE service_mails SET status = %(status)s, sent_at = %(at)s WHERE id = %(id)s"
    " RETURNING kind, consent_ids"
)


def _sent(
    tx: Transaction, service_mail_id: int, receipt: MailReceipt, token: str, at: datetime
) -> None:
    values = {"id": service_mail_id, "status": ServiceMailStatus.SENT.value, "at": at}
    [(kind, consent_ids)] = rows_of(tx.session)(_MARK_SENT, values)
    kept_copy = without_secret(receipt.mime, token).decode()
    for consent_id in consent_ids:
        consent = lock_consent(tx, consent_id)
        if consent.status not in {ConsentStatus.PENDING, ConsentStatus.CONFIRMED}:
            continue
        record(
            tx,
            consent,
            ConsentAction.REQUEST_SENT,
            at=at,
            actor="system",
            facts={"message_id": receipt.message_id, "kind": kind},
            evidence={
                "smtp_reply": receipt.reply,
                "mail": kept_copy,
                "mail_sha256": hashlib.sha256(receipt.mime).hexdigest(),
            },
        )
