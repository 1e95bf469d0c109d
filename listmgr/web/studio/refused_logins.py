"""Which senders' mail servers refuse the login: somebody has to see to them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from listmgr.cards.outreach import reply_sender
from listmgr.consent import consent_statistics


def refused_logins(session: Session) -> set[int]:
    """Senders by which any single mail waits, since their mail server refuses the login."""
    return consent_statistics.refused_logins(session) | reply_sender.refused_logins(session)
