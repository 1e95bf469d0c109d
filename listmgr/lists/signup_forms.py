"""Create, edit, close and reopen sign-up forms: titles, purposes, fields."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.lists.form_fields import (
    Ask,
    checked_asks,
)
from listmgr.lists.models import Notice, Purpose, SignupForm


@dataclass(frozen=True, slots=True)
class FormWords:
    """The editable properties of a form."""

    title_de: str = ""
    title_en: str = ""
    intro_de: str = ""
    intro_en: str = ""


def create_form(
    tx: Transaction,
    description: FormWords,
    *,
    slug: str,
    purpose_ids: Collection[int],
    asks: Sequence[Ask] = (),
    at: datetime,
) -> SignupForm:
    """Create a form; its slug is its printed URL and never changes. Raises InvalidInput."""
    typed = Validator()
    slug = typed.slug("slug", slug)
    if slug and tx.session.scalars(sa.select(SignupForm.id).filter_by(slug=slug)).first():
        typed.wrong["slug"] = N_("There is a form with this short name.")
    values = _checked(description, typed)
    purposes = _purposes(tx, purpose_ids, typed)
    fields = checked_asks(tx.session, asks, typed)
    typed.done()
    form = SignupForm(slug=slug, created_at=at, purposes=purposes, asks=fields, **values)
    tx.session.add(form)
    tx.session.flush()
    return form


def edit_form(
    tx: Transaction,
    form_id: int,
    description: FormWords,
    *,
    purpose_ids: Collection[int],
    asks: Sequence[Ask] = (),
) -> SignupForm:
    """Change a form; earlier sign-ups are not affected. Raises InvalidInput."""
    form = lock_form(tx, form_id)
    typed = Validator()
    values = _checked(description, typed)
    purposes = _purposes(tx, purpose_ids, typed)
    fields = checked_asks(tx.session, asks, typed)
    typed.done()
    for name, value in values.items():
        setattr(form, name, value)
    form.purposes = purposes
    # The old rows go first: a new one may have the key of an old one.
    form.asks = []
    tx.session.flush()
    form.asks = fields
    return form


def close_form(tx: Transaction, form_id: int, *, at: datetime) -> SignupForm:
    """Stop sign-ups by this form."""
    form = lock_form(tx, form_id)
    form.closed_at = form.closed_at or at
    return form


def reopen_form(tx: Transaction, form_id: int) -> SignupForm:
    """Accept sign-ups again, under the same URL."""
    form = lock_form(tx, form_id)
    form.closed_at = None
    return form


def forms(session: Session) -> list[SignupForm]:
    """Return all forms, closed ones last."""
    order = (SignupForm.closed_at.is_not(None), sa.func.lower(SignupForm.title_en), SignupForm.id)
    return list(session.scalars(sa.select(SignupForm).order_by(*order)))


def find_form(session: Session, form_id: int) -> SignupForm:
    """Return the form for reading. Raises NotFound."""
    form = session.get(SignupForm, form_id)
    if form is None:
        raise NotFound(N_("There is no such form."))
    return form


def lock_form(tx: Transaction, form_id: int) -> SignupForm:
    """Return the form, locked until the commit. Raises NotFound."""
    form = tx.session.get(SignupForm, form_id, with_for_update=True, populate_existing=True)
    if form is None:
        raise NotFound(N_("There is no such form."))
    return form


def _checked(description: FormWords, typed: Validator) -> dict[str, str]:
    missing = N_("Write a title.")
    return {
        "title_de": typed.shown_line("title_de", description.title_de, missing=missing),
        "title_en": typed.shown_line("title_en", description.title_en, missing=missing),
        "intro_de": typed.text("intro_de", description.intro_de, limit=2000),
        "intro_en": typed.text("intro_en", description.intro_en, limit=2000),
    }


def _purposes(tx: Transaction, ids: Collection[int], typed: Validator) -> list[Purpose]:
    """Return the chosen purposes; each needs published wording (L-01)."""
    purposes = list(
        tx.session.scalars(sa.select(Purpose).where(Purpose.id.in_(set(ids))).order_by(Purpose.id))
    )
    worded = set(
        tx.session.scalars(
            sa.select(Notice.purpose_id).where(Notice.purpose_id.in_(set(ids))).distinct()
        )
    )
    if not purposes:
        typed.wrong["purposes"] = N_("Choose at least one purpose.")
    elif {purpose.id for purpose in purposes} - worded:
        typed.wrong["purposes"] = N_(
            "One of the chosen purposes has no consent text yet. Publish it first."
        )
    return purposes
