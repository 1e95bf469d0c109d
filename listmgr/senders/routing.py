"""The sender of a mail: the list's own, or the one that serves its From address."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from listmgr.config import MailSettings, Settings
from listmgr.kit.encryption import (
    SealBroken,
    unseal,
)
from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.senders.models import BUILT_IN, Sender

SEAL = "sender password"
BUILT_IN_NAME = "LISTMGR_SMTP_URL"


class NoSender(Exception):
    """No sender may send for an address; the message says what to do."""


def built_in(session: Session) -> Sender:
    """Return the configured account; without limits it has no row."""
    return session.get(Sender, BUILT_IN) or _built_in()


def _built_in() -> Sender:
    """Return the configured account without limits."""
    return Sender(
        id=BUILT_IN,
        name=BUILT_IN_NAME,
        serves=[],
        warm_up=[],
        quiet_days=[],
        quiet_zone="Europe/Berlin",
    )


def senders(session: Session) -> list[Sender]:
    """Return all senders, the built-in one first, disabled ones last."""
    order = (
        Sender.id != BUILT_IN,
        Sender.disabled_at.is_not(None),
        sa.func.lower(Sender.name),
        Sender.id,
    )
    query = sa.select(Sender).options(joinedload(Sender.domains)).order_by(*order)
    stored = session.scalars(query).unique().all()
    has_built_in = any(sender.is_built_in for sender in stored)
    return [*stored] if has_built_in else [_built_in(), *stored]


def find_sender(session: Session, sender_id: int) -> Sender:
    """Return the sender. Raises NotFound."""
    if sender_id == BUILT_IN:
        return built_in(session)
    sender = session.get(Sender, sender_id)
    if sender is None:
        raise NotFound(N_("There is no such sender."))
    return sender


def route(session: Session, address: str, *, named: int | None = None) -> Sender:
    """Return the sender for a From address; `named` is the one its list names. Raises NoSender.

    A sender that serves the exact address outranks one that serves its domain; the built-in one
    comes last, and serves everything unless restricted.
    """
    if named is not None:
        sender = find_sender(session, named)
        if sender.disabled_at is not None:
            raise NoSender(N_("The sender this list names is disabled. Name another one."))
        if not serves(sender, address):
            raise NoSender(
                N_("The sender this list names does not serve its From address. Add the address.")
            )
        return sender
    able = [item for item in senders(session) if item.disabled_at is None and serves(item, address)]
    if not able:
        raise NoSender(
            N_(
                "No sender serves the list's From address. Ask an administrator to add the address"
                " or its domain to one, under Senders."
            )
        )
    return max(
        able, key=lambda item: (address.lower() in item.serves, not item.is_built_in, -item.id)
    )


def serves(sender: Sender, address: str) -> bool:
    """Whether a sender may send for a From address."""
    address = address.lower()
    if sender.is_built_in and not sender.serves:
        return True
    return address in sender.serves or address.rpartition("@")[2] in sender.serves


def account_of(settings: Settings, sender: Sender) -> MailSettings:
    """Return what is needed to connect. Raises NoSender if the password cannot be decrypted."""
    own = settings.mail
    if sender.is_built_in:
        return own
    try:
        password = unseal(settings.secret_keys, SEAL, sender.password) if sender.password else ""
    except SealBroken:
        raise NoSender(
            N_("The sender's password was sealed with another LISTMGR_SECRET_KEY. Type it again.")
        ) from None
    return MailSettings(
        host=sender.host,
        port=sender.port,
        security=sender.security,
        username=sender.username,
        password=password,
        timeout=own.timeout,
        connections=own.connections,
        sender=sender.envelope,
        bounce_domain=sender.bounce_domain,
    )
