"""What remains of an erasure: enough to repeat it after a restore."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base


class ErasureEntry(Base):
    """One erased person: the keyed fingerprint of an address that is stored nowhere (T-25).

    For a business card without an address, the fingerprint of the card's number.
    """

    __tablename__ = "erasure_journal"
    __table_args__ = (
        sa.UniqueConstraint("fingerprint", "erased_at"),
        sa.Index("ix_erasure_journal_erased_at", "erased_at"),
        sa.CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_size"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    # A hashed address is still personal data; without the key outside it leads to nobody.
    fingerprint: Mapped[bytes] = mapped_column(info=PERSONAL)
    # The number they had, which is now a number of nobody; None for who was no subscriber.
    subscriber_id: Mapped[int | None] = mapped_column(info=PLAIN)
    erased_at: Mapped[datetime] = mapped_column(info=PLAIN)
