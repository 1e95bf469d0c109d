"""The route of a campaign's mail: its sender's account and limits, and the list's quiet hours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign
from listmgr.config import MailSettings, Settings
from listmgr.kit.transaction import Transaction
from listmgr.senders.limits import SendingPolicy
from listmgr.senders.models import BUILT_IN
from listmgr.senders.routing import (
    account_of,
    route,
)


@dataclass(frozen=True, slots=True)
class Route:
    """How to connect, and how much may be sent when."""

    account: MailSettings
    terms: SendingPolicy


def outlet(session: Session, settings: Settings, campaign: Campaign) -> Route:
    """Return the current route; the sender may have changed since the launch. Raises NoSender."""
    mailing_list, content = campaign.mailing_list, campaign.content
    address = content.from_address if content else mailing_list.sender_address
    sender = route(session, address, named=mailing_list.sender_id)
    account, terms = account_of(settings, sender), sender.terms
    if terms.limit.at_once:
        account = replace(account, connections=min(account.connections, terms.limit.at_once))
    if mailing_list.quiet.is_set:
        terms = replace(terms, quiet=(*terms.quiet, mailing_list.quiet))
    return Route(account, terms)


def take_outlet(tx: Transaction, settings: Settings, campaign: Campaign) -> Route:
    """Return the route and record its sender with the campaign, so that its mails are counted."""
    current = outlet(tx.session, settings, campaign)
    sender_id = current.terms.sender_id
    counted_sender = None if sender_id == BUILT_IN else sender_id
    if campaign.sender_id != counted_sender:
        campaign.sender_id = counted_sender
    return current
