"""Table of blocks, which outlive a person's record: a keyed fingerprint, no address (L-15)."""

from __future__ import annotations

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base


class SuppressionReason(enum.StrEnum):
    """Why an address must not be mailed."""

    OBJECTED = "objected"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ERASED = "erased"
    IMPORTED = "imported"


class Suppression(Base):
    """One open block for each fingerprint. A hashed address is still personal data (VG
    Bayreuth).
    """

    __tablename__ = "suppressions"
    __table_args__ = (
        sa.Index(
            "uq_suppressions_open",
            "fingerprint",
            unique=True,
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by_consent_id IS NULL)", name="lifted_by_consent"
        ),
        sa.CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_size"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    fingerprint: Mapped[bytes] = mapped_column(info=PERSONAL)
    reason: Mapped[SuppressionReason] = mapped_column(info=PLAIN)
    note: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    lifted_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # Only a person's own confirmed consent lifts a block (L-16): without one the row cannot say so.
    lifted_by_consent_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("consents.id"), info=PLAIN
    )
