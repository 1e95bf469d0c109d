"""Senders whose mail servers refuse the login and need attention."""

from __future__ import annotations

from sqlalchemy.orm import Session

from listmgr.cards.outreach import reply_sender
from listmgr.consent import consent_statistics


def refused_logins(session: Session) -> set[int]:
    """Return senders whose mail server refuses the login while transactional mails wait."""
    return consent_statistics.refused_logins(session) | reply_sender.refused_logins(session)
