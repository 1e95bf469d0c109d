"""Add purposes to a list and publish the wording people agree to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.languages import LANGUAGES
from listmgr.lists.edit import lock_list
from listmgr.lists.models import MailingList, Notice, Purpose


def add_purpose(tx: Transaction, list_id: int, *, slug: str, name_de: str, name_en: str) -> Purpose:
    """Add a purpose; people can agree to it once its wording is published. Raises InvalidInput."""
    lock_list(tx, list_id)
    typed = Validator()
    slug = typed.slug("slug", slug)
    missing = N_("Write what the mail is for, in a few words.")
    name_de = typed.shown_line("name_de", name_de, missing=missing)
    name_en = typed.shown_line("name_en", name_en, missing=missing)
    taken = sa.select(Purpose.id).where(Purpose.list_id == list_id, Purpose.slug == slug)
    if slug and tx.session.scalars(taken).first():
        typed.wrong["slug"] = N_("The list has a purpose with this short name.")
    typed.done()
    purpose = Purpose(list_id=list_id, slug=slug, name_de=name_de, name_en=name_en)
    tx.session.add(purpose)
    tx.session.flush()
    return purpose


def publish_notice(
    tx: Transaction,
    purpose_id: int,
    *,
    words: Mapping[str, str],
    privacy_version: str = "",
    demands_renewal: bool = False,
    at: datetime,
) -> list[Notice]:
    """Publish the next version of a purpose's wording, one notice for each language.

    Earlier versions stay unchanged. With `demands_renewal` nobody who agreed to an older version
    gets mail before agreeing to this one. Raises InvalidInput with the fields `words_de`,
    `words_en` and `privacy_version`.
    """
    purpose = tx.session.get(Purpose, purpose_id, with_for_update=True, populate_existing=True)
    if purpose is None:
        raise NotFound("There is no such purpose.")
    earlier = tx.session.scalars(sa.select(Notice).where(Notice.purpose_id == purpose_id)).all()
    checked, privacy_version = _checked(words, privacy_version, {n.language for n in earlier})
    version = max((notice.version for notice in earlier), default=0) + 1
    notices = [
        Notice(
            purpose_id=purpose_id,
            version=version,
            language=language,
            words=text,
            sha256=hashlib.sha256(text.encode()).digest(),
            privacy_version=privacy_version,
            demands_renewal=demands_renewal,
            published_at=at,
        )
        for language, text in checked.items()
    ]
    tx.session.add_all(notices)
    if demands_renewal:
        purpose.least_notice_version = version
    tx.session.flush()
    return notices


def _checked(
    words: Mapping[str, str], privacy_version: str, spoken: set[str]
) -> tuple[dict[str, str], str]:
    """Validate the wording; every language published before is required, or its readers would see
    an old version.
    """
    typed = Validator()
    checked = {}
    for language in LANGUAGES:
        missing = N_("An earlier version exists in this language; write the new one too.")
        text = typed.text(
            f"words_{language}",
            words.get(language, ""),
            missing=missing if language in spoken else "",
            limit=5000,
        )
        if text:
            checked[language] = text
    privacy_version = typed.line("privacy_version", privacy_version, limit=100)
    typed.done()
    if not checked:
        raise InvalidInput(
            "Please correct the marked fields.",
            {"words_de": N_("Write the words people agree to, in one language at least.")},
        )
    return checked, privacy_version


def find_purpose(session: Session, purpose_id: int) -> Purpose:
    """Return the purpose with its list and notices for reading. Raises NotFound."""
    purpose = session.get(Purpose, purpose_id)
    if purpose is None:
        raise NotFound("There is no such purpose.")
    return purpose


def open_purposes(session: Session) -> list[Purpose]:
    """Return the purposes of all active lists, by list."""
    return list(
        session.scalars(
            sa.select(Purpose)
            .join(MailingList, MailingList.id == Purpose.list_id)
            .where(MailingList.archived_at.is_(None))
            .order_by(sa.func.lower(MailingList.name), Purpose.id)
        )
    )
