"""Tables of frozen selections: what is previewed is what is done."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base


class SelectionKind(enum.StrEnum):
    """How people were chosen."""

    TICKED = "ticked"
    FOUND = "found"
    SEGMENT = "segment"


class Selection(Base):
    """People chosen at one moment; complete once `gathered_at` is set."""

    __tablename__ = "selections"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    kind: Mapped[SelectionKind] = mapped_column(info=PLAIN)
    # What was searched for may be an address: it is kept until the act on those people begins,
    # a day at most, so that its page can name them; of {} the words are forgotten.
    search: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"), info=PERSONAL
    )
    segment_id: Mapped[int | None] = mapped_column(info=PLAIN)
    # Everybody up to this id has been looked at.
    position: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    # The highest id there was: who comes later was not chosen.
    last: Mapped[int] = mapped_column(info=PLAIN)
    chunks: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    people: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    gathered_at: Mapped[datetime | None] = mapped_column(info=PLAIN)

    @property
    def percent(self) -> int:
        """Progress of freezing, 0 to 100."""
        if self.gathered_at is not None or not self.last:
            return 100
        return min(99, 100 * self.position // self.last)


class SelectionChunk(Base):
    """Some of the people, by id. A million people are a thousand rows."""

    __tablename__ = "selection_chunks"

    selection_id: Mapped[int] = mapped_column(
        sa.ForeignKey("selections.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )
    n: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    # Numbers of rows: of an erased person they lead nowhere.
    ids: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger()), info=PLAIN)
