"""The fields a campaign may merge, and how a window fetches them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.delivery.message.template_language import FieldNames
from listmgr.operators.models import Role
from listmgr.subscribers.custom_fields import custom_fields
from listmgr.subscribers.field_catalogue import (
    CORE_FIELDS,
    CatalogueField,
    as_catalogue,
    catalogue,
)
from listmgr.subscribers.field_models import Field, FieldCategory, FieldKind
from listmgr.subscribers.field_values import shown_sql

# Names and the SQL of their values, in the order a compiled message wants them.
Columns = tuple[tuple[str, str], ...]

_SAMPLES = {FieldKind.NUMBER: "42", FieldKind.DATE: "2026-12-31", FieldKind.YES_NO: "true"}


def merge_fields(session: Session) -> tuple[CatalogueField, ...]:
    """Return the fields a campaign may merge: visible to marketers, and no special category."""
    return tuple(
        field
        for field in catalogue(session)
        if field.visible_to(Role.MARKETER) and field.category is not FieldCategory.SPECIAL
    )


def field_names(session: Session) -> FieldNames:
    """Return their names for the compiler, which also knows archived ones for its messages."""
    names = [field.key for field in merge_fields(session)]
    return FieldNames(names, archived=archived_names(session))


def archived_names(session: Session) -> list[str]:
    """Return the archived fields, so that a draft that names one is told so."""
    return list(session.scalars(sa.select(Field.key).where(Field.archived_at.is_not(None))))


def columns_of(session: Session, names: Sequence[str], language: str) -> Columns:
    """Return how a window fetches the fields of a launched campaign in a language.

    The launch has checked the names. Fields archived since are still fetched; those deleted since
    are empty.
    """
    by_key = {field.key: field for field in (*CORE_FIELDS, *_customs(session))}
    return tuple(
        (name, _column(by_key[name], language) if name in by_key else "''") for name in names
    )


def _customs(session: Session) -> Iterable[CatalogueField]:
    return map(as_catalogue, custom_fields(session))


def _column(field: CatalogueField, language: str) -> str:
    return field.sql if field.core else shown_sql(field.kind, field.sql, language)


def sample_of(fields: Iterable[CatalogueField], language: str) -> dict[str, str]:
    """Return example values of custom fields as a mail would show them."""
    return {
        field.key: field.show(_sample(field, language), language)
        for field in fields
        if not field.core
    }


def _sample(field: CatalogueField, language: str) -> str:
    return field.choices[0] if field.choices else _SAMPLES.get(field.kind, field.label(language))
