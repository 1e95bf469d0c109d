"""The catalogue of all fields of a person: core columns and custom fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.rows import Rows, rows_of
from listmgr.languages import LANGUAGES
from listmgr.operators.models import Role
from listmgr.subscribers.field_models import Field, FieldCategory, FieldKind, LegalBasis
from listmgr.subscribers.field_values import parse_value, show_value, typed_sql

__all__ = [
    "CORE_FIELDS",
    "CatalogueField",
    "FieldCategory",
    "FieldKind",
    "LegalBasis",
    "catalogue",
    "field_by_key",
    "visible_fields",
]

EVERY_ROLE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class CatalogueField:
    """One field with its legal properties. `retention_months` None: as long as the address."""

    key: str
    label_de: str
    label_en: str
    kind: FieldKind
    choices: tuple[str, ...]
    purpose: str
    basis: LegalBasis
    retention_months: int | None
    category: FieldCategory
    roles: frozenset[Role]
    core: bool

    def label(self, language: str) -> str:
        """Return the label in a language, else in English."""
        return self.label_de if language == "de" else self.label_en

    @property
    def sql(self) -> str:
        """The stored text as an SQL expression over the alias `s` of subscribers; may be NULL."""
        if self.core:
            return f"s.{'address' if self.key == 'email' else self.key}"
        return f"(s.attributes->>'{self.key}')"

    @property
    def typed_sql(self) -> str:
        """The value as numeric, date, boolean or text; NULL if it is not of that kind."""
        return typed_sql(self.kind, self.sql)

    def visible_to(self, role: Role) -> bool:
        """Whether a role may see, filter by and write this field."""
        return role in self.roles

    def parse(self, typed: str) -> str:
        """Return a typed value as stored; "" is no value. Raises InvalidInput with what to write
        instead.

        Idempotent: parsing a stored value returns it unchanged.
        """
        return parse_value(self.kind, self.choices, typed)

    def show(self, value: str | None, language: str = "en") -> str:
        """Format a stored value in a language."""
        return show_value(self.kind, value or "", language)


def _core(key: str, german: str, english: str, purpose: str) -> CatalogueField:
    spoken = key == "language"
    return CatalogueField(
        key=key,
        label_de=german,
        label_en=english,
        kind=FieldKind.CHOICE if spoken else FieldKind.TEXT,
        choices=tuple(LANGUAGES) if spoken else (),
        purpose=purpose,
        basis=LegalBasis.CONSENT,
        retention_months=None,
        category=FieldCategory.ORDINARY if spoken else FieldCategory.IDENTIFYING,
        roles=EVERY_ROLE,
        core=True,
    )


CORE_FIELDS = (
    _core(
        "email",
        "E-Mail-Adresse",
        "E-mail address",
        N_("To send what the person has agreed to, and to prove that they have."),
    ),
    _core("first_name", "Vorname", "First name", N_("To address the person by name in our mail.")),
    _core("last_name", "Nachname", "Last name", N_("To address the person by name in our mail.")),
    _core(
        "company",
        "Unternehmen",
        "Company",
        N_("To write what fits the organisation the person works for."),
    ),
    _core("language", "Sprache", "Language", N_("To write in a language the person reads.")),
)


def as_catalogue(row: Field) -> CatalogueField:
    """Return a row of the table as a field of the catalogue."""
    return CatalogueField(
        key=row.key,
        label_de=row.label_de,
        label_en=row.label_en,
        kind=row.kind,
        choices=tuple(row.choices),
        purpose=row.purpose,
        basis=row.basis,
        retention_months=row.retention_months,
        category=row.category,
        roles=frozenset(Role(name) for name in row.roles),
        core=False,
    )


def catalogue(session: Session) -> tuple[CatalogueField, ...]:
    """Return the core fields, then the active custom fields in order of creation."""
    return catalogue_by(rows_of(session))


_LIVE = (
    "SELECT key, label_de, label_en, kind, choices, purpose, basis, retention_months, category,"
    " roles FROM fields WHERE archived_at IS NULL ORDER BY id"
)


def catalogue_by(rows: Rows) -> tuple[CatalogueField, ...]:
    """Return the same without the ORM."""
    return (*CORE_FIELDS, *(_from_row(*row) for row in rows(_LIVE, {})))


def _from_row(*row: Any) -> CatalogueField:  # noqa: ANN401 - the columns of _LIVE
    key, german, english, kind, choices, purpose, basis, months, category, roles = row
    return CatalogueField(
        key=key,
        label_de=german,
        label_en=english,
        kind=FieldKind(kind),
        choices=tuple(choices),
        purpose=purpose,
        basis=LegalBasis(basis),
        retention_months=months,
        category=FieldCategory(category),
        roles=frozenset(map(Role, roles)),
        core=False,
    )


def visible_fields(session: Session, role: Role) -> tuple[CatalogueField, ...]:
    """Return the fields a role may see."""
    return tuple(field for field in catalogue(session) if field.visible_to(role))


def field_by_key(session: Session, key: str) -> CatalogueField:
    """Return a core field or an active custom field. Raises NotFound."""
    for field in catalogue(session):
        if field.key == key:
            return field
    raise NotFound(N_("There is no such field."))
