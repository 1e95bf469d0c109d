"""Compose a first reply: the operator's text, then the notice of Articles 13 and 14."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.models import Card, CardCapture, CardReply, Occasion
from listmgr.kit.mail import OutgoingMail
from listmgr.kit.mail_templates import mail_templates
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList
from listmgr.operators.models import Operator
from listmgr.subscribers.address import AddressError, parse_address


def compose_reply(tx: Transaction, card: Card, letter: CardReply, templates: Path) -> OutgoingMail:
    """Compose the mail: the operator's text, then controller, data held, source and retention."""
    sender = tx.session.get_one(MailingList, letter.list_id)
    operator = tx.session.get_one(Operator, letter.operator_id)
    taken, occasion = _taken(tx.session, card.id)
    zone = ZoneInfo(tx.settings.timezone)
    values = {
        "subject": letter.subject,
        "body": letter.body,
        "controller": sender.controller or sender.sender_name,
        "imprint": sender.imprint,
        "privacy_url": sender.privacy_url,
        "operator": operator.name,
        "taken_at": taken.astimezone(zone),
        "occasion": occasion,
        "days": tx.settings.card_days,
    }
    parts = _render(templates / "mail" / "card_reply" / card.language, values)
    return OutgoingMail(
        to=parse_address(card.address).envelope,
        subject=parts["subject.txt"].strip(),
        text=parts["body.txt"],
        html=parts["body.html"],
        sender_name=sender.sender_name,
        sender_address=sender.sender_address,
        headers=_reply_to(operator),
    )


def _reply_to(operator: Operator) -> tuple[tuple[str, str], ...]:
    """Direct answers to the operator who talked to the person."""
    try:
        return (("Reply-To", parse_address(operator.email).envelope),)
    except AddressError:
        return ()


def _taken(session: Session, card_id: int) -> tuple[datetime, str]:
    row = session.execute(
        sa.select(CardCapture.taken_at, Occasion.name)
        .outerjoin(Occasion, Occasion.id == CardCapture.occasion_id)
        .where(CardCapture.card_id == card_id)
        .order_by(CardCapture.id)
        .limit(1)
    ).one()
    return row[0], row[1] or ""


def _render(folder: Path, values: dict[str, object]) -> dict[str, str]:
    environment = mail_templates(folder)
    names = ("subject.txt", "body.txt", "body.html")
    return {name: environment.get_template(name).render(values) for name in names}
