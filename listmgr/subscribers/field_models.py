"""Table of custom fields: what is collected beyond the core, and why (L-34)."""

from __future__ import annotations

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PLAIN, Base


class FieldKind(enum.StrEnum):
    """Data type of a field's values."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    DATE = "date"
    CHOICE = "choice"


class FieldCategory(enum.StrEnum):
    """Sensitivity of a field; SPECIAL is Article 9 GDPR."""

    ORDINARY = "ordinary"
    IDENTIFYING = "identifying"
    SPECIAL = "special"


class LegalBasis(enum.StrEnum):
    """The six legal bases of Article 6(1) GDPR, in its order."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTEREST = "vital_interest"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTEREST = "legitimate_interest"


class Field(Base):
    """A custom field; purpose, basis, retention and roles are mandatory (L-34)."""

    __tablename__ = "fields"
    __table_args__ = (
        # The key stands in SQL, in merge fields and in files: its letters are all it is made of.
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,39}$'", name="key"),
        sa.CheckConstraint("label_de <> '' AND label_en <> ''", name="label"),
        sa.CheckConstraint("purpose <> ''", name="purpose"),
        sa.CheckConstraint("retention_months BETWEEN 1 AND 1200", name="retention"),
        sa.CheckConstraint("cardinality(roles) > 0", name="roles"),
        sa.CheckConstraint("(kind = 'choice') = (cardinality(choices) > 0)", name="choices"),
        sa.CheckConstraint("category <> 'special' OR special_reason <> ''", name="special"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    key: Mapped[str] = mapped_column(unique=True, info=PLAIN)
    label_de: Mapped[str] = mapped_column(info=PLAIN)
    label_en: Mapped[str] = mapped_column(info=PLAIN)
    kind: Mapped[FieldKind] = mapped_column(info=PLAIN)
    choices: Mapped[list[str]] = mapped_column(server_default="{}", info=PLAIN)
    purpose: Mapped[str] = mapped_column(info=PLAIN)
    basis: Mapped[LegalBasis] = mapped_column(info=PLAIN)
    retention_months: Mapped[int] = mapped_column(info=PLAIN)
    category: Mapped[FieldCategory] = mapped_column(info=PLAIN)
    # Why an administrator allowed a special category (Art. 9(2)); empty for the others.
    special_reason: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    # Role names as text: an array of checked enums would need a type of its own.
    roles: Mapped[list[str]] = mapped_column(info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    archived_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
