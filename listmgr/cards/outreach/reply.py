"""First replies to people whose card was taken: one person, one mail, with the notice in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from listmgr.cards.intake import objection
from listmgr.cards.models import Card, CardReply, CardStatus, ReplyStatus
from listmgr.cards.outreach.reply_linter import not_of_service
from listmgr.cards.visibility import locked_card
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.lists.models import MailingList

MAX_BODY = 5000
# A reply that may have arrived is not written a second time.
_MAY_HAVE_ARRIVED = (
    ReplyStatus.QUEUED,
    ReplyStatus.SENDING,
    ReplyStatus.SENT,
    ReplyStatus.UNCERTAIN,
)


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """What the operator writes; the notice is added below."""

    subject: str = ""
    body: str = ""


def write_reply(
    tx: Transaction,
    card_id: int,
    own: int | None,
    words: ReplyWords,
    *,
    list_id: int,
    operator_id: int,
    at: datetime,
) -> CardReply:
    """Queue the reply. Raises Refused, or InvalidInput with `subject`, `body`, `list_id`.

    The error lists the passages of the body that advertise.
    """
    card = locked_card(tx, card_id, own)
    _must_be_writable(tx, card)
    typed = Validator()
    subject = typed.line("subject", words.subject, missing=N_("Write a subject."), limit=200)
    body = typed.text("body", words.body, missing=N_("Write to the person."), limit=MAX_BODY)
    sender = tx.session.get(MailingList, list_id)
    if sender is None or sender.archived_at is not None:
        typed.wrong["list_id"] = N_("Choose in whose name you write.")
    if advertising := not_of_service(subject, body):
        typed.wrong["body"] = N_("This answers a talk and must not advertise. Please take out:")
        typed.wrong["found"] = " · ".join(advertising)
    typed.done()
    letter = CardReply(
        card_id=card.id,
        operator_id=operator_id,
        list_id=list_id,
        status=ReplyStatus.QUEUED,
        subject=subject,
        body=body,
        created_at=at,
    )
    tx.session.add(letter)
    tx.session.flush()
    tx.after_commit(send_job(letter.id))
    return letter


def _must_be_writable(tx: Transaction, card: Card) -> None:
    if card.status is not CardStatus.KEPT or card.address_key is None:
        raise Refused(N_("Review the card first, and give it an e-mail address."))
    if objection(tx, [card.address]) is not None:
        raise Refused(N_("This person objected to mail from us. Only they can change that."))
    sent = sa.select(CardReply.id).where(
        CardReply.card_id == card.id,
        CardReply.status.in_(_MAY_HAVE_ARRIVED),
    )
    if tx.session.scalars(sent.limit(1)).first() is not None:
        raise Refused(N_("The first reply has been written. Go on from your own mailbox."))


def send_job(reply_id: int) -> Job:
    """Return the job that sends one reply."""
    return Job("send_card_reply", (reply_id,), queue="mail", key=f"card-reply-{reply_id}")
