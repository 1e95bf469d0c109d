"""Store an operator's statement that a person asked for the newsletter, then ask them once
(L-25).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.intake import objection
from listmgr.cards.models import Card, CardCapture, CardStatus, Occasion
from listmgr.cards.privacy_notice import at_first_contact
from listmgr.cards.visibility import locked_card
from listmgr.consent.capture import capture, open_consent
from listmgr.consent.history import history
from listmgr.consent.ledger import lock_consent
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent, ConsentSource, ServiceMail
from listmgr.consent.request_confirmation import request_confirmation
from listmgr.consent.signup import SignupContent, find_or_add
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.lists.models import MailingList, Notice, Purpose
from listmgr.subscribers.address import parse_address
from listmgr.subscribers.models import Subscriber

LEAST = 15
MOST = 2000


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement about a card and what followed from it."""

    words: str
    list_name: str
    purpose: Purpose
    consent: Consent
    service_mail: ServiceMail | None


def store_statement(
    tx: Transaction,
    card_id: int,
    own: int | None,
    *,
    purpose_id: int,
    words: str,
    operator_id: int,
    at: datetime,
) -> Consent:
    """Store the statement as evidence of a captured consent; this sends no mail.

    Raises InvalidInput with `statement` and `purpose`, and Refused if the person must not be asked.
    """
    card = locked_card(tx, card_id, own)
    _must_be_askable(tx, card)
    if card.consent_id is not None:
        raise Refused(N_("A statement is already stored. Each person is asked only once."))
    typed = Validator()
    statement = typed.text("statement", words, limit=MOST)
    if len(statement) < LEAST and "statement" not in typed.wrong:
        typed.wrong["statement"] = N_(
            "Write in your own words what the person said, when, and where: it is the evidence."
        )
    notice = _notice(tx.session, purpose_id, card.language)
    if notice is None:
        typed.wrong["purpose"] = N_("Choose what the person asked for.")
    typed.done()
    assert notice is not None
    subscriber = _subscriber(tx, card, at)
    _must_be_free(tx, subscriber, notice)
    consent = capture(
        tx,
        subscriber,
        notice,
        source=ConsentSource.CARD,
        at=at,
        actor=f"operator:{operator_id}",
        evidence=_evidence(tx, card, statement),
    )
    # It waits as long as the card itself, not as long as a confirmation mail.
    consent.expires_at = card.delete_at
    card.consent_id = consent.id
    tx.session.flush()
    return consent


def request_confirmation_once(
    tx: Transaction, card_id: int, own: int | None, *, operator_id: int, at: datetime
) -> ServiceMail:
    """Queue the single confirmation mail, or let it wait until the limits allow it.

    Raises Refused without a stored statement.
    """
    card = locked_card(tx, card_id, own)
    _must_be_askable(tx, card)
    if card.consent_id is None or not stated_words(tx.session, card.consent_id):
        raise Refused(
            N_(
                "First record that the person asked for the newsletter, and how. "
                "Without that statement nobody may be asked by mail."
            )
        )
    consent = lock_consent(tx, card.consent_id)
    if consent.status is not ConsentStatus.CAPTURED:
        raise Refused(N_("The person has been asked. There is one question and no reminder."))
    address = parse_address(card.address)
    service_mail = request_confirmation(
        tx, [consent], address, at=at, actor=f"operator:{operator_id}"
    )
    # Only what has been asked before is not asked again, and this consent has not been.
    assert service_mail is not None
    at_first_contact(card, at)
    return service_mail


def stated_words(session: Session, consent_id: int) -> str:
    """Return the statement from the ledger's evidence; empty if there is none or it was erased."""
    first = history(session, consent_id)[:1]
    return str(first[0].evidence.get("statement", "")) if first else ""


def statement_of(session: Session, card: Card) -> Statement | None:
    """Return the statement as the card's page shows it, or None."""
    if card.consent_id is None:
        return None
    consent = session.get_one(Consent, card.consent_id)
    service_mail = session.scalars(
        sa.select(ServiceMail)
        .where(ServiceMail.consent_ids.contains([consent.id]))
        .order_by(ServiceMail.id.desc())
        .limit(1)
    ).one_or_none()
    return Statement(
        words=stated_words(session, consent.id),
        list_name=session.get_one(MailingList, consent.list_id).name,
        purpose=session.get_one(Purpose, consent.purpose_id),
        consent=consent,
        service_mail=service_mail,
    )


def _must_be_askable(tx: Transaction, card: Card) -> None:
    if card.status is not CardStatus.KEPT:
        raise Refused(
            N_("Review the card first: nobody is contacted because of an unreviewed card.")
        )
    if card.address_key is None:
        raise Refused(N_("The card has no e-mail address."))
    if objection(tx, [card.address]) is not None:
        raise Refused(N_("This person objected to mail from us. Only they can change that."))


def _must_be_free(tx: Transaction, subscriber: Subscriber, notice: Notice) -> None:
    existing = open_consent(tx, subscriber.id, notice.purpose_id)
    if existing is None:
        return
    if existing.status is ConsentStatus.CONFIRMED:
        raise Refused(N_("This person has subscribed to it already."))
    raise Refused(
        N_(
            "This person came in by another way too, and is asked there. They can sign up"
            " themselves by the QR code."
        )
    )


def _subscriber(tx: Transaction, card: Card, at: datetime) -> Subscriber:
    content = SignupContent(
        card.address, (), card.language, "", first_name=card.first_name, last_name=card.last_name
    )
    return find_or_add(tx, parse_address(card.address), content, at=at)


def _notice(session: Session, purpose_id: int, language: str) -> Notice | None:
    """Return the newest wording of an open purpose, preferably in the card's language."""
    return session.scalars(
        sa.select(Notice)
        .join(Purpose, Purpose.id == Notice.purpose_id)
        .join(MailingList, MailingList.id == Purpose.list_id)
        .where(Notice.purpose_id == purpose_id, MailingList.archived_at.is_(None))
        .order_by((Notice.language == language).desc(), Notice.version.desc(), Notice.id.desc())
        .limit(1)
    ).one_or_none()


def _evidence(tx: Transaction, card: Card, words: str) -> dict[str, object]:
    """Return who took the card, when, where, what was said and what the operator states."""
    rows = tx.session.execute(
        sa.select(CardCapture, Occasion.name)
        .outerjoin(Occasion, Occasion.id == CardCapture.occasion_id)
        .where(CardCapture.card_id == card.id)
        .order_by(CardCapture.id)
    )
    return {
        "address": card.address,
        "statement": words,
        "method": Method.OPERATOR_STATEMENT,
        "card_taken": [
            {
                "operator": taking.operator_id,
                "at": taking.taken_at.isoformat(),
                "occasion": occasion or "",
                "said": taking.said,
            }
            for taking, occasion in rows
        ],
    }
