"""Create, edit, archive and restore mailing lists: name, sender, imprint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.languages import LANGUAGES
from listmgr.lists.models import MailingList
from listmgr.subscribers.address import AddressError, parse_address


@dataclass(frozen=True, slots=True)
class Description:
    """The editable properties of a list."""

    name: str = ""
    description: str = ""
    language: str = "de"
    sender_name: str = ""
    sender_address: str = ""
    controller: str = ""
    imprint: str = ""
    privacy_url: str = ""


def create_list(
    tx: Transaction, description: Description, *, slug: str, at: datetime
) -> MailingList:
    """Create a list. Its slug is part of List-Id for good (M-04). Raises InvalidInput."""
    typed = Validator()
    slug = typed.slug("slug", slug)
    if slug and tx.session.scalars(sa.select(MailingList.id).filter_by(slug=slug)).first():
        typed.wrong["slug"] = N_("There is a list with this short name.")
    values = _checked(description, typed)
    mailing_list = MailingList(slug=slug, created_at=at, **values)
    tx.session.add(mailing_list)
    tx.session.flush()
    return mailing_list


def edit_list(tx: Transaction, list_id: int, description: Description) -> MailingList:
    """Change a list; proofs keep the earlier values. Raises InvalidInput."""
    mailing_list = lock_list(tx, list_id)
    for name, value in _checked(description, Validator()).items():
        setattr(mailing_list, name, value)
    return mailing_list


def archive_list(tx: Transaction, list_id: int, *, at: datetime) -> MailingList:
    """Stop all mail and sign-ups; delete nothing."""
    mailing_list = lock_list(tx, list_id)
    mailing_list.archived_at = mailing_list.archived_at or at
    return mailing_list


def restore_list(tx: Transaction, list_id: int) -> MailingList:
    """Restore an archived list; consents are unchanged and have aged meanwhile."""
    mailing_list = lock_list(tx, list_id)
    mailing_list.archived_at = None
    return mailing_list


def lists(session: Session) -> list[MailingList]:
    """Return all lists, archived ones last."""
    order = (MailingList.archived_at.is_not(None), sa.func.lower(MailingList.name), MailingList.id)
    return list(session.scalars(sa.select(MailingList).order_by(*order)))


def find_list(session: Session, list_id: int) -> MailingList:
    """Return the list for reading. Raises NotFound."""
    mailing_list = session.get(MailingList, list_id)
    if mailing_list is None:
        raise NotFound(N_("There is no such list."))
    return mailing_list


def lock_list(tx: Transaction, list_id: int) -> MailingList:
    """Return the list, locked until the commit. Raises NotFound."""
    record = tx.session.get(MailingList, list_id, with_for_update=True, populate_existing=True)
    if record is None:
        raise NotFound(N_("There is no such list."))
    return record


def _checked(edit: Description, typed: Validator) -> dict[str, str]:
    values = {
        "name": typed.shown_line("name", edit.name, missing=N_("Give the list a name.")),
        "description": typed.text("description", edit.description, limit=2000),
        "language": edit.language,
        "sender_name": typed.shown_line(
            "sender_name",
            edit.sender_name,
            missing=N_("Write the name people see as sender."),
        ),
        "sender_address": _sender(typed, edit.sender_address),
        "controller": typed.shown_line("controller", edit.controller),
        "imprint": typed.text(
            "imprint",
            edit.imprint,
            missing=N_("Write the imprint; every mail must name its sender (§ 5 DDG)."),
            limit=5000,
        ),
        "privacy_url": typed.link("privacy_url", edit.privacy_url),
    }
    if edit.language not in LANGUAGES:
        typed.wrong["language"] = "Choose a language."
    typed.done()
    return values


def _sender(typed: Validator, address: str) -> str:
    try:
        return parse_address(address).display
    except AddressError:
        typed.wrong["sender_address"] = "Write an e-mail address: name@example.org."
        return ""
