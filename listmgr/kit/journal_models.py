"""Table of acts that must outlive the database: withdrawals, restrictions, blocks, erasures.

Triggers write it, whichever statement did the act; `listmgr.installation.journal_writer` copies it
to a file outside the database. It contains times and keyed fingerprints, no addresses.
"""

from __future__ import annotations

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base
from listmgr.kit.transaction import Transaction


class JournalKind(enum.StrEnum):
    """Kind of an act."""

    WITHDRAWN = "withdrawn"
    RESTRICTED = "restricted"
    RESTRICTION_LIFTED = "restriction-lifted"
    CARD_RESTRICTED = "card-restricted"
    CARD_RESTRICTION_LIFTED = "card-restriction-lifted"
    BLOCKED = "blocked"
    BLOCK_LIFTED = "block-lifted"
    ERASED = "erased"


class JournalEntry(Base):
    """One act. `detail` is the purpose withdrawn from, the reason of a block, or the id erased."""

    __tablename__ = "journal_entries"
    __table_args__ = (
        sa.Index("ix_journal_entries_order", "generation", "xid", "id"),
        sa.CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_size"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    # Ids are given before the commit and xids end in another order than they begin: what is below
    # the oldest xid under way is complete, and can be copied in this order without a gap.
    generation: Mapped[int] = mapped_column(
        server_default=sa.text("journal_generation()"), info=PLAIN
    )
    xid: Mapped[int] = mapped_column(
        server_default=sa.text("(pg_current_xact_id()::text)::bigint"), info=PLAIN
    )
    written_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    at: Mapped[datetime] = mapped_column(info=PLAIN)
    kind: Mapped[JournalKind] = mapped_column(info=PLAIN)
    fingerprint: Mapped[bytes] = mapped_column(info=PERSONAL)
    detail: Mapped[str] = mapped_column(server_default="", info=PLAIN)


def write_entry(
    tx: Transaction, kind: JournalKind, fingerprint: bytes, *, at: datetime, detail: str = ""
) -> None:
    """Add an act no trigger can record, since the database cannot compute its fingerprint."""
    tx.session.add(JournalEntry(kind=kind, fingerprint=fingerprint, at=at, detail=detail))
    tx.journaled = True
