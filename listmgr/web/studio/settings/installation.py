"""Names of this installation, which are public and must not be part of a password."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.lists.models import MailingList

MOST_LISTS = 50


def installation_words(session: Session) -> list[str]:
    """Return the names of the lists and of their controllers."""
    rows = session.execute(
        sa.select(MailingList.name, MailingList.sender_name, MailingList.controller)
        .order_by(MailingList.id)
        .limit(MOST_LISTS)
    )
    return [name for row in rows for name in row if name]
