"""Table of requested changes of address, until the new mailbox has answered."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base


class AddressChangeStatus(enum.StrEnum):
    """State of a change of address."""

    RECEIVED = "received"
    ASKED = "asked"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class AddressChange(Base):
    """A person's request for another address; the new mailbox is asked first (L-04)."""

    __tablename__ = "address_changes"
    __table_args__ = (
        # One at a time: a second wish ends the first.
        sa.Index(
            "uq_address_changes_open",
            "subscriber_id",
            unique=True,
            postgresql_where=sa.text("status IN ('received', 'asked')"),
        ),
        sa.Index("ix_address_changes_asked_at", "subscriber_id", "asked_at"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    subscriber_id: Mapped[int] = mapped_column(
        sa.ForeignKey("subscribers.id", ondelete="CASCADE"), info=PLAIN
    )
    status: Mapped[AddressChangeStatus] = mapped_column(info=PLAIN)
    # As typed; taken out when the change has ended, one way or the other.
    address: Mapped[str] = mapped_column(info=PERSONAL)
    evidence: Mapped[dict[str, Any]] = mapped_column(info=PERSONAL)
    actor: Mapped[str] = mapped_column(info=PLAIN)
    asked_at: Mapped[datetime] = mapped_column(info=PLAIN)
    ended_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # The new mailbox's consents that wait for its answer.
    consent_ids: Mapped[list[int]] = mapped_column(
        sa.dialects.postgresql.ARRAY(sa.BigInteger()), server_default="{}", info=PLAIN
    )
