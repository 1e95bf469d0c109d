"""What a sign-up form offers: its purposes, each with the exact words a visitor agrees to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from listmgr.kit.errors import NotFound
from listmgr.kit.texts import N_
from listmgr.lists.asks import AskedField, asked_fields
from listmgr.lists.models import MailingList, Notice, Purpose, SignupForm, SignupFormPurpose


@dataclass(frozen=True, slots=True)
class Choice:
    """One box of a form."""

    list_name: str
    purpose_name: str
    privacy_url: str
    notice_id: int
    words: str
    # The words may be in another language than the page, when nobody has translated them.
    language: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who stands behind a page: the foot of every page says it."""

    controller: str
    lists: tuple[str, ...]
    imprint: str
    privacy_url: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A form as one visitor sees it. `acceptable` are the notices that may still be agreed to."""

    form_id: int
    slug: str
    title: str
    intro: str
    asks: tuple[AskedField, ...]
    choices: tuple[Choice, ...]
    acceptable: frozenset[int]
    senders: tuple[Sender, ...]


def find_offer(session: Session, slug: str, language: str) -> Offer:
    """The open form of a slug; raises NotFound."""
    form = None
    if "\0" not in slug:
        found = sa.select(SignupForm).where(SignupForm.slug == slug, SignupForm.closed_at.is_(None))
        form = session.scalars(found).one_or_none()
    if form is None:
        raise NotFound(N_("There is no such form."))
    german = language == "de"
    return Offer(
        form_id=form.id,
        slug=form.slug,
        title=form.title_de if german else form.title_en,
        intro=form.intro_de if german else form.intro_en,
        asks=asked_fields(session, form),
        choices=_choices(session, form.id, language),
        acceptable=_acceptable(session, form.id),
        senders=senders(session, [purpose.id for purpose in form.purposes]),
    )


def senders(session: Session, purpose_ids: Iterable[int]) -> tuple[Sender, ...]:
    """Who sends the mail of these purposes; those who share an imprint are named together.

    With no purpose known it is the only sender there is, if there is only one.
    """
    wanted = set(purpose_ids)
    query = sa.select(MailingList).order_by(MailingList.id)
    if wanted:
        lists = sa.select(Purpose.list_id).where(Purpose.id.in_(wanted))
        query = query.where(MailingList.id.in_(lists))
    else:
        query = query.where(MailingList.archived_at.is_(None))
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for found in session.scalars(query):
        who = (found.controller or found.sender_name, found.imprint, found.privacy_url)
        grouped.setdefault(who, []).append(found.name)
    if not wanted:
        grouped = {who: [] for who in grouped} if len(grouped) == 1 else {}
    return tuple(
        Sender(controller, tuple(names), imprint, privacy_url)
        for (controller, imprint, privacy_url), names in grouped.items()
    )


def where_to_sign_up(session: Session, purpose_ids: Iterable[int]) -> str:
    """The slug of an open form that offers one of these purposes; empty when there is none."""
    found = session.scalars(
        sa.select(SignupForm.slug)
        .join(SignupFormPurpose, SignupFormPurpose.form_id == SignupForm.id)
        .where(SignupFormPurpose.purpose_id.in_(set(purpose_ids)), SignupForm.closed_at.is_(None))
        .order_by(SignupForm.id)
        .limit(1)
    ).one_or_none()
    return found or ""


def _choices(session: Session, form_id: int, language: str) -> tuple[Choice, ...]:
    """The newest notice of each purpose, in the reader's language where there is one."""
    newest = (
        sa.select(Notice)
        .where(Notice.purpose_id == Purpose.id)
        .order_by((Notice.language == language).desc(), Notice.version.desc(), Notice.id.desc())
        .limit(1)
        .correlate(Purpose)
        .lateral()
    )
    notice = aliased(Notice, newest)
    rows = session.execute(
        sa.select(MailingList, Purpose, notice)
        .select_from(SignupFormPurpose)
        .join(Purpose, Purpose.id == SignupFormPurpose.purpose_id)
        .join(MailingList, MailingList.id == Purpose.list_id)
        .join(newest, sa.true())
        .where(SignupFormPurpose.form_id == form_id, MailingList.archived_at.is_(None))
        .order_by(Purpose.id)
    )
    return tuple(
        Choice(
            list_name=found.name,
            purpose_name=purpose.name(language),
            privacy_url=found.privacy_url,
            notice_id=shown.id,
            words=shown.words,
            language=shown.language,
        )
        for found, purpose, shown in rows
    )


def _acceptable(session: Session, form_id: int) -> frozenset[int]:
    """Every notice that is not superseded: a page opened before, or copied elsewhere, shows it."""
    return frozenset(
        session.scalars(
            sa.select(Notice.id)
            .join(Purpose, Purpose.id == Notice.purpose_id)
            .join(SignupFormPurpose, SignupFormPurpose.purpose_id == Purpose.id)
            .join(MailingList, MailingList.id == Purpose.list_id)
            .where(
                SignupFormPurpose.form_id == form_id,
                MailingList.archived_at.is_(None),
                Notice.version >= Purpose.least_notice_version,
            )
        )
    )
