"""The sender and the quiet hours of a list."""

from __future__ import annotations

from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.lists.edit import lock_list
from listmgr.lists.models import MailingList
from listmgr.senders.edit import ensure_built_in
from listmgr.senders.models import BUILT_IN
from listmgr.senders.quiet_hours import (
    QuietHoursForm,
    checked_quiet,
)
from listmgr.senders.routing import find_sender


def set_sending(
    tx: Transaction, list_id: int, *, sender_id: int | None, quiet: QuietHoursForm
) -> MailingList:
    """Set the sender, or None for the one that serves the list's address. Raises InvalidInput."""
    mailing_list = lock_list(tx, list_id)
    typed = Validator()
    values = checked_quiet(typed, quiet)
    if sender_id is not None:
        try:
            find_sender(tx.session, sender_id)
        except NotFound:
            typed.wrong["sender_id"] = N_("Choose a sender.")
    if sender_id == BUILT_IN:
        ensure_built_in(tx)
    typed.done()
    for name, value in values.items():
        setattr(mailing_list, name, value)
    mailing_list.sender_id = sender_id
    return mailing_list
