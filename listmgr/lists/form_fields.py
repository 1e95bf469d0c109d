"""Fields a sign-up form asks for beside the address: order and whether required."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.i18n import N_
from listmgr.kit.rows import Rows
from listmgr.kit.validation import Validator
from listmgr.lists.models import SignupForm, SignupFormField
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    FieldCategory,
    catalogue,
    catalogue_by,
)

# The address is asked by every form, and the language is that of the page.
_NOT_ASKED = frozenset({"email", "language"})
MOST_ASKED = 20


@dataclass(frozen=True, slots=True)
class Ask:
    """One field of a form."""

    key: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class AskedField:
    """One field as the form shows it."""

    field: CatalogueField
    required: bool


def askable(session: Session) -> list[CatalogueField]:
    """Return the fields a form may ask for; never a special category (Art. 9)."""
    return [field for field in catalogue(session) if _may_be_asked(field)]


def asked_fields(rows: Rows, form_id: int) -> tuple[AskedField, ...]:
    """Return the fields the form asks for now, without archived ones."""
    asks = rows(_ASKS, {"form": form_id})
    if not asks:
        return ()
    by_key = {field.key: field for field in catalogue_by(rows) if _may_be_asked(field)}
    return tuple(AskedField(by_key[key], required) for key, required in asks if key in by_key)


_ASKS = "SELECT key, required FROM signup_form_fields WHERE form_id = %(form)s ORDER BY position"


def _may_be_asked(field: CatalogueField) -> bool:
    return field.key not in _NOT_ASKED and field.category is not FieldCategory.SPECIAL


def checked_asks(session: Session, asks: Sequence[Ask], typed: Validator) -> list[SignupFormField]:
    """Return a form's rows in the given order; errors are reported for "asks"."""
    askable_keys = {field.key for field in askable(session)}
    keys = [ask.key for ask in asks]
    if not askable_keys.issuperset(keys) or len(set(keys)) < len(keys):
        typed.wrong["asks"] = N_(
            "One of the chosen fields is no longer available. Check your selection."
        )
    elif len(keys) > MOST_ASKED:
        typed.wrong["asks"] = N_("Nobody fills in that many fields. Ask for 20 at most.")
    return [
        SignupFormField(key=ask.key, position=place, required=ask.required)
        for place, ask in enumerate(asks, start=1)
    ]


def forms_asking(session: Session, key: str) -> list[SignupForm]:
    """Return the open forms that ask for a field."""
    asking = sa.select(SignupFormField.form_id).where(SignupFormField.key == key)
    query = sa.select(SignupForm).where(SignupForm.id.in_(asking), SignupForm.closed_at.is_(None))
    return list(session.scalars(query.order_by(SignupForm.id)))
