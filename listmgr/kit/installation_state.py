"""The installation as the database knows it: identity, location, and whether mail may be sent."""

from __future__ import annotations

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from listmgr.kit.db import PLAIN, Base
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_
from listmgr.kit.rows import rows_of
from listmgr.kit.transaction import Transaction

ON_HOLD = N_(
    "No mail is sent until an administrator confirms on the overview that this "
    "installation may send."
)


class HoldReason(enum.StrEnum):
    """Why this may be another database than the one that ran here, so that no mail is sent."""

    OLDER = "older"
    ELSEWHERE = "elsewhere"
    COPIED = "copied"
    NEW_KEYS = "new keys"


class Installation(Base):
    """One row: the installation's identity and fingerprints of its keys, never a key."""

    __tablename__ = "installation"
    __table_args__ = (
        sa.CheckConstraint("singleton", name="one_row"),
        sa.CheckConstraint("(held_at IS NULL) = (held_because IS NULL)", name="held_because"),
    )

    singleton: Mapped[bool] = mapped_column(
        primary_key=True, server_default=sa.text("true"), info=PLAIN
    )
    id: Mapped[str] = mapped_column(info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    # Fingerprints, the newest first; the older ones are of keys that were rotated out.
    secret_keys: Mapped[list[str]] = mapped_column(info=PLAIN)
    suppression_key: Mapped[str] = mapped_column(info=PLAIN)
    anchor_key: Mapped[str] = mapped_column(info=PLAIN)
    # Cluster, database and table as PostgreSQL numbers them: a dump gets other numbers.
    place: Mapped[str] = mapped_column(info=PLAIN)
    # Grows with every doubt about the database; the mark grows all the time. Both are kept outside
    # as well, and a database that is behind what is kept there is an older one.
    generation: Mapped[int] = mapped_column(server_default="1", info=PLAIN)
    mark: Mapped[int] = mapped_column(server_default="1", info=PLAIN)
    marked_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    held_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    held_because: Mapped[HoldReason | None] = mapped_column(info=PLAIN)
    # How many acts from journals have been done again since, and when last.
    replayed: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    replayed_at: Mapped[datetime | None] = mapped_column(info=PLAIN)


_HELD = "SELECT EXISTS (SELECT FROM installation WHERE held_at IS NOT NULL)"


def is_held(session: Session) -> bool:
    """Whether mailing waits for an administrator."""
    return bool(rows_of(session)(_HELD, {})[0][0])


def refuse_while_held(tx: Transaction) -> None:
    """Raise Refused while mailing waits for an administrator."""
    if is_held(tx.session):
        raise Refused(ON_HOLD)
