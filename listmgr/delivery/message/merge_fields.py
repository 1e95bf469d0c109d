"""Which fields of the catalogue a campaign may merge, and how the window fetches them as shown."""

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
    """What a campaign may merge now: fields marketers may see, and no special category."""
    return tuple(
        field
        for field in catalogue(session)
        if field.visible_to(Role.MARKETER) and field.category is not FieldCategory.SPECIAL
    )


def field_names(session: Session) -> FieldNames:
    """Their names, for the compiler; it knows the archived ones to say so."""
    names = [field.key for field in merge_fields(session)]
    return FieldNames(names, archived=archived_names(session))


def archived_names(session: Session) -> list[str]:
    """Fields that are out of use: a draft that names one is told so."""
    return list(session.scalars(sa.select(Field.key).where(Field.archived_at.is_not(None))))


def columns_of(session: Session, names: Sequence[str], language: str) -> Columns:
    """How the window fetches what a launched campaign merges, as people of a language write it.

    A launch has looked at the names. What was archived since is still fetched; what was deleted
    since nobody has a value of.
    """
    known = {field.key: field for field in (*CORE_FIELDS, *_customs(session))}
    return tuple(
        (name, _column(known[name], language) if name in known else "''") for name in names
    )


def _customs(session: Session) -> Iterable[CatalogueField]:
    return map(as_catalogue, custom_fields(session))


def _column(field: CatalogueField, language: str) -> str:
    return field.sql if field.core else shown_sql(field.kind, field.sql, language)


def sample_of(fields: Iterable[CatalogueField], language: str) -> dict[str, str]:
    """Invented values of custom fields, as a mail would show them."""
    return {
        field.key: field.show(_sample(field, language), language)
        for field in fields
        if not field.core
    }


def _sample(field: CatalogueField, language: str) -> str:
    return field.choices[0] if field.choices else _SAMPLES.get(field.kind, field.label(language))
