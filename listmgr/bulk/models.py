"""Tables of mass updates: progress, and previous values while they can be undone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from listmgr.bulk.actions import BulkKind
from listmgr.bulk.lifecycle import BulkStatus
from listmgr.kit.db import PERSONAL, PLAIN, Base
from listmgr.operators.models import Operator
from listmgr.selections.models import Selection

_COUNTS: Any = sa.text("'{}'::jsonb")


class BulkAct(Base):
    """One mass update. No kind of it can create or raise a consent (L-26)."""

    __tablename__ = "bulk_acts"
    __table_args__ = (
        sa.Index(
            "ix_bulk_acts_busy",
            "id",
            postgresql_where=sa.text("status IN ('gathering', 'running', 'undoing')"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    kind: Mapped[BulkKind] = mapped_column(info=PLAIN)
    status: Mapped[BulkStatus] = mapped_column(info=PLAIN)
    # The chosen people go when nothing can be done with them any more.
    selection_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("selections.id", ondelete="SET NULL"), info=PLAIN
    )
    operator_id: Mapped[int] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    # A field's key or a purpose's id; the value may be about somebody, and goes with the undo.
    field: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    purpose_id: Mapped[int | None] = mapped_column(info=PLAIN)
    # How the people said it (`consent.methods.Method`), if staff record what they said.
    method: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    value: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    people: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    # The next chunk to work through, forth or back.
    position: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    # Counts of people by what would be, was, and was undone with them.
    foreseen: Mapped[dict[str, Any]] = mapped_column(server_default=_COUNTS, info=PLAIN)
    done: Mapped[dict[str, Any]] = mapped_column(server_default=_COUNTS, info=PLAIN)
    undone: Mapped[dict[str, Any]] = mapped_column(server_default=_COUNTS, info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    started_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    ended_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # Until then it can be undone; NULL when never, or not any more.
    undo_until: Mapped[datetime | None] = mapped_column(info=PLAIN)

    selection: Mapped[Selection | None] = relationship()
    operator: Mapped[Operator] = relationship(viewonly=True)

    @property
    def tags(self) -> list[str]:
        """The tags of an update of tags."""
        return [tag for tag in self.value.split("\n") if tag]


class BulkUndoValue(Base):
    """Previous values of the people of one chunk, by their id."""

    __tablename__ = "bulk_undo_values"
    __table_args__ = (sa.Index("ix_bulk_undo_values_range", "lo", "hi"),)

    act_id: Mapped[int] = mapped_column(
        sa.ForeignKey("bulk_acts.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )
    n: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    # The first and the last id: how an erasure finds the few rows that tell of a person.
    lo: Mapped[int] = mapped_column(info=PLAIN)
    hi: Mapped[int] = mapped_column(info=PLAIN)
    before: Mapped[dict[str, Any]] = mapped_column(info=PERSONAL)
