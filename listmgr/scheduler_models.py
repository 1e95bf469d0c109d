"""Table of periodic tasks, claimed row by row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PLAIN, Base


class ScheduledTask(Base):
    """When a periodic task is due next."""

    __tablename__ = "scheduled_tasks"

    name: Mapped[str] = mapped_column(primary_key=True, info=PLAIN)
    next_run_at: Mapped[datetime] = mapped_column(info=PLAIN)
