"""Create, edit and archive custom fields, each with purpose, legal basis, retention and roles
(L-34).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.operators.models import Role
from listmgr.subscribers.field_catalogue import CORE_FIELDS
from listmgr.subscribers.field_models import Field, FieldCategory, FieldKind, LegalBasis
from listmgr.subscribers.field_values import MAX_VALUE

MOST_FIELDS = 200
MOST_CHOICES = 100
MOST_MONTHS = 1200
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
# Names that mean something else where a key may stand: in merge fields, files, links and forms.
RESERVED = frozenset({field.key for field in CORE_FIELDS}).union(
    ("address", "id", "status", "tags", "basis", "basis_note", "source", "segment"),
    ("unsubscribe_url", "preferences_url", "archive_url", "lang", "form"),
    ("notice", "began", "comment", "meant"),
    ("if", "elif", "else", "endif", "for", "in", "is", "and", "or", "not", "raw", "set", "block"),
    ("true", "false", "none"),
)
_Member = TypeVar("_Member", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class FieldWords:
    """A field as typed, with one choice on each line."""

    key: str = ""
    label_de: str = ""
    label_en: str = ""
    kind: str = ""
    choices: str = ""
    purpose: str = ""
    basis: str = ""
    retention_months: str = ""
    category: str = ""
    special_reason: str = ""


def create_field(
    tx: Transaction, description: FieldWords, *, roles: Collection[str], by: Role, at: datetime
) -> Field:
    """Create a field. Raises InvalidInput naming what is missing or wrong."""
    typed = Validator()
    key = _key(tx.session, description.key.strip(), typed)
    values = _checked(description, roles, typed)
    _check_special(values, by, typed, before=None)
    if len(custom_fields(tx.session)) >= MOST_FIELDS:
        typed.wrong["key"] = N_("There are too many fields. Collect less: archive and reuse some.")
    typed.done()
    field = Field(key=key, created_at=at, **values)
    tx.session.add(field)
    tx.session.flush()
    return field


def edit_field(
    tx: Transaction, field_id: int, description: FieldWords, *, roles: Collection[str], by: Role
) -> Field:
    """Change a field; its key stays, and its kind while it has values. Raises InvalidInput.

    A removed choice stays with the people who gave that answer.
    """
    field = lock_field(tx, field_id)
    typed = Validator()
    values = _checked(description, roles, typed)
    _check_special(values, by, typed, before=field)
    if values["kind"] is not field.kind and has_values(tx.session, field.key):
        typed.wrong["kind"] = N_("People have values of this field, so its kind stays as it is.")
    typed.done()
    for name, value in values.items():
        setattr(field, name, value)
    return field


def archive_field(tx: Transaction, field_id: int, *, at: datetime) -> Field:
    """Stop collecting and using the field; its values stay until their retention ends."""
    field = lock_field(tx, field_id)
    field.archived_at = field.archived_at or at
    return field


def restore_field(tx: Transaction, field_id: int) -> Field:
    """Use an archived field again, under the same key."""
    field = lock_field(tx, field_id)
    field.archived_at = None
    return field


def delete_field(tx: Transaction, field_id: int) -> str:
    """Delete a field without values and return its key. Raises Refused."""
    field = lock_field(tx, field_id)
    if has_values(tx.session, field.key):
        raise Refused(N_("People have values of this field. Archive it instead."))
    tx.session.execute(
        sa.text("DELETE FROM signup_form_fields WHERE key = :key"), {"key": field.key}
    )
    tx.session.delete(field)
    return field.key


def custom_fields(session: Session) -> list[Field]:
    """Return all custom fields, archived ones last."""
    order = (Field.archived_at.is_not(None), Field.id)
    return list(session.scalars(sa.select(Field).order_by(*order)))


def find_field(session: Session, field_id: int) -> Field:
    """Return the field for reading. Raises NotFound."""
    field = session.get(Field, field_id)
    if field is None:
        raise NotFound(N_("There is no such field."))
    return field


def lock_field(tx: Transaction, field_id: int) -> Field:
    """Return the field, locked until the commit. Raises NotFound."""
    field = tx.session.get(Field, field_id, with_for_update=True, populate_existing=True)
    if field is None:
        raise NotFound(N_("There is no such field."))
    return field


def has_values(session: Session, key: str) -> bool:
    """Whether the field has any value. Scans all rows if it has none, which is acceptable for a
    rare action.
    """
    return bool(
        session.scalar(
            sa.text("SELECT EXISTS (SELECT FROM subscribers WHERE attributes ? :key)"),
            {"key": key},
        )
    )


def _key(session: Session, key: str, typed: Validator) -> str:
    if not _KEY.match(key):
        typed.wrong["key"] = N_("Use small letters a to z, digits and _, 40 at most: shoe_size.")
    elif key in RESERVED:
        typed.wrong["key"] = N_("This name is reserved. Choose another.")
    elif session.scalars(sa.select(Field.id).filter_by(key=key)).first():
        typed.wrong["key"] = N_("There is a field with this key, perhaps an archived one.")
    return key


def _checked(edit: FieldWords, roles: Collection[str], typed: Validator) -> dict[str, Any]:
    label = N_("Write what people call it.")
    kind = _member(FieldKind, "kind", edit.kind, N_("Choose what its values are."), typed)
    category = _member(
        FieldCategory, "category", edit.category, N_("Choose how sensitive it is."), typed
    )
    role_names = [role.value for role in Role if role.value in roles]
    if not role_names:
        typed.wrong["roles"] = N_("Choose at least one role that may see it.")
    why = N_("Write why you collect it: people and the authority read this.")
    special = category is FieldCategory.SPECIAL
    return {
        "label_de": typed.line("label_de", edit.label_de, missing=label, limit=100),
        "label_en": typed.line("label_en", edit.label_en, missing=label, limit=100),
        "kind": kind,
        "choices": _choices(edit.choices, typed) if kind is FieldKind.CHOICE else [],
        "purpose": typed.text("purpose", edit.purpose, missing=why, limit=1000),
        "basis": _member(
            LegalBasis,
            "basis",
            edit.basis,
            N_("Choose the legal basis for collecting it."),
            typed,
        ),
        "retention_months": _months(edit.retention_months, typed),
        "category": category,
        "special_reason": typed.text("special_reason", edit.special_reason, limit=1000)
        if special
        else "",
        "roles": role_names,
    }


def _member(
    kind: type[_Member], name: str, text: str, missing: str, typed: Validator
) -> _Member | None:
    try:
        return kind(text)
    except ValueError:
        typed.wrong[name] = missing
        return None


def _months(text: str, typed: Validator) -> int:
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_MONTHS:
        return int(text)
    typed.wrong["retention_months"] = N_("Write after how many months it is deleted, 1 to 1200.")
    return 0


def _choices(text: str, typed: Validator) -> list[str]:
    lines = [line.strip() for line in typed.text("choices", text).splitlines()]
    choices = list(dict.fromkeys(filter(None, lines)))
    if not choices or len(choices) > MOST_CHOICES:
        typed.wrong.setdefault("choices", N_("Write the answers to choose from, one per line."))
    elif any(len(choice) > MAX_VALUE or not choice.isprintable() for choice in choices):
        typed.wrong["choices"] = N_("An answer is too long or holds control characters.")
    return choices


def _check_special(
    values: dict[str, Any], by: Role, typed: Validator, *, before: Field | None
) -> None:
    """Refuse a special category (Article 9) unless an administrator gives a reason."""
    if values["category"] is not FieldCategory.SPECIAL:
        return
    if before is not None and before.category is FieldCategory.SPECIAL:
        if by is not Role.ADMINISTRATOR:
            values["special_reason"] = before.special_reason
    elif by is not Role.ADMINISTRATOR:
        typed.wrong["category"] = N_(
            "Health, faith, politics, origin and the like are refused, unless an administrator"
            " records why they are allowed."
        )
    if not values["special_reason"]:
        typed.wrong.setdefault(
            "special_reason", N_("Write which exception of Article 9(2) GDPR allows it, and why.")
        )
