"""Table of segments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PLAIN, Base


class Segment(Base):
    """A saved rule. It contains no people: they are matched whenever it is used."""

    __tablename__ = "segments"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    name: Mapped[str] = mapped_column(unique=True, info=PLAIN)
    # A tree as `segments/rules.py` reads it. It tells of a group: no rule is about an address.
    rule: Mapped[dict[str, Any]] = mapped_column(info=PLAIN)
    # Optimistic lock of the editor: two writers never overwrite each other silently.
    revision: Mapped[int] = mapped_column(server_default="1", info=PLAIN)
    created_by: Mapped[int | None] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    changed_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
