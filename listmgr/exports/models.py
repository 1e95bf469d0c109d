"""Tables of exports: request, reason, progress, and the file in pieces until it expires."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from listmgr.kit.db import PERSONAL, PLAIN, Base
from listmgr.operators.models import Operator
from listmgr.selections.models import Selection


class ExportStatus(enum.StrEnum):
    """State of an export."""

    GATHERING = "gathering"
    WRITING = "writing"
    READY = "ready"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    # Somebody in it has been erased: their row must not lie about in a file.
    WITHDRAWN = "withdrawn"


class ExportFormat(enum.StrEnum):
    """File format."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


class ExportReason(enum.StrEnum):
    """Why data leave the installation; recorded in the audit log."""

    REQUEST = "request"
    HAND_OVER = "hand_over"
    CHECK = "check"
    REPORT = "report"
    MOVE = "move"
    OTHER = "other"


class Export(Base):
    """One export. The row stays as a record after its file is deleted."""

    __tablename__ = "exports"
    __table_args__ = (
        sa.CheckConstraint("words <> ''", name="words"),
        sa.Index(
            "ix_exports_live",
            "id",
            postgresql_where=sa.text("status IN ('gathering', 'writing', 'ready')"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    status: Mapped[ExportStatus] = mapped_column(info=PLAIN)
    format: Mapped[ExportFormat] = mapped_column(info=PLAIN)
    # The file is for this operator alone.
    operator_id: Mapped[int] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    reason: Mapped[ExportReason] = mapped_column(info=PLAIN)
    words: Mapped[str] = mapped_column(info=PLAIN)
    columns: Mapped[list[str]] = mapped_column(info=PLAIN)
    with_consents: Mapped[bool] = mapped_column(server_default=sa.false(), info=PLAIN)
    selection_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("selections.id", ondelete="SET NULL"), info=PLAIN
    )
    people: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    rows: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    # The next chunk, the next piece, and what the writer needs to go on in another process.
    position: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    pieces: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    size: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    state: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    ready_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    expires_at: Mapped[datetime | None] = mapped_column(info=PLAIN)

    selection: Mapped[Selection | None] = relationship()
    operator: Mapped[Operator] = relationship(viewonly=True)

    @property
    def percent(self) -> int:
        """Share written, 0 to 100."""
        if self.status is ExportStatus.READY or self.selection is None:
            return 100
        return 100 * self.position // max(1, self.selection.chunks)


class ExportPiece(Base):
    """A piece of a file, stored here because web and workers may run on different hosts."""

    __tablename__ = "export_pieces"

    export_id: Mapped[int] = mapped_column(
        sa.ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )
    n: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    content: Mapped[bytes] = mapped_column(info=PERSONAL)
