"""The route of transactional mails of a list: that of its campaigns (decision 0040)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from listmgr.config import MailSettings, Settings
from listmgr.kit.mail import MailReceipt, OutgoingMail
from listmgr.senders.limits import SendingPolicy
from listmgr.senders.models import Sender
from listmgr.senders.routing import (
    NoSender,
    account_of,
    built_in,
    route,
)


@dataclass(frozen=True, slots=True)
class TransactionalRoute:
    """How to connect, and whose limits the mail counts towards."""

    account: MailSettings
    terms: SendingPolicy


SendVia = Callable[[OutgoingMail, TransactionalRoute], MailReceipt]


def sender_of(session: Session, address: str, *, named: int | None) -> Sender:
    """Return the sender for a From address and the one its list names.

    The built-in one if no other can be used: somebody waits for this mail, whereas a campaign would
    be paused until it is fixed.
    """
    try:
        return route(session, address, named=named)
    except NoSender:
        return built_in(session)


def way(
    session: Session, settings: Settings, address: str, *, named: int | None
) -> TransactionalRoute:
    """Return the sender's route; the built-in one's if its password cannot be decrypted."""
    sender = sender_of(session, address, named=named)
    try:
        return TransactionalRoute(account_of(settings, sender), sender.terms)
    except NoSender:
        return TransactionalRoute(settings.mail, built_in(session).terms)
