"""What a person gets from us, on one page they can change without signing in (L-13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.facts import RequestFacts
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent
from listmgr.consent.withdraw import withdraw
from listmgr.kit.tokens import Door, TokenInvalid, open_token
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.address import mask
from listmgr.subscribers.models import Subscriber


@dataclass(frozen=True, slots=True)
class PreferenceRow:
    """One subscription that is confirmed now."""

    consent_id: int
    list_name: str
    purpose_name: str
    since: datetime | None
    purpose_id: int


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """What the preferences page may show; nothing in it when the person is unknown or erased."""

    masked_address: str
    language: str
    rows: tuple[PreferenceRow, ...]


def preferences(session: Session, settings: Settings, token: str) -> PreferencesView:
    """What the holder of a link is subscribed to. Raises TokenInvalid for a forged link."""
    subscriber = session.get(Subscriber, subscriber_of(settings, token))
    if subscriber is None:
        return PreferencesView("", "", ())
    rows = session.execute(
        sa.select(Consent, MailingList, Purpose)
        .join(MailingList, MailingList.id == Consent.list_id)
        .join(Purpose, Purpose.id == Consent.purpose_id)
        .where(Consent.subscriber_id == subscriber.id, Consent.status == ConsentStatus.CONFIRMED)
        .order_by(MailingList.name, Purpose.id)
    )
    return PreferencesView(
        masked_address=mask(subscriber.address),
        language=subscriber.language,
        rows=tuple(
            PreferenceRow(
                c.id, mailing_list.name, purpose.name(c.language), c.confirmed_at, c.purpose_id
            )
            for c, mailing_list, purpose in rows
        ),
    )


def save_preferences(
    tx: Transaction, token: str, *, keep: set[int], facts: RequestFacts, at: datetime
) -> PreferencesView:
    """Withdraw every shown subscription that is not in `keep`; nothing can be given here."""
    for row in preferences(tx.session, tx.settings, token).rows:
        if row.consent_id not in keep:
            withdraw(tx, row.consent_id, how="preferences", actor="subscriber", facts=facts, at=at)
    return preferences(tx.session, tx.settings, token)


def subscriber_of(settings: Settings, token: str) -> int:
    """Whose page a link opens: a preferences token, or the token of any campaign mail."""
    try:
        parts = open_token(settings.secret_keys, Door.PREFERENCES, token)
    except TokenInvalid:
        parts = open_token(settings.secret_keys, Door.UNSUBSCRIBE, token)
    if not parts or not isinstance(parts[-1], int):
        raise TokenInvalid
    return parts[-1]
