"""Occasions where cards are taken: find by name, create, remember the last one."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from listmgr.cards.models import CardUpload, Occasion
from listmgr.kit.transaction import Transaction

MAX_NAME = 120
OFFERED = 20


def occasion_id(tx: Transaction, name: str, *, at: datetime) -> int | None:
    """Return the id of the occasion with this name, creating it if it is new; None for an empty
    name.
    """
    shown = " ".join(name.split())
    if not shown:
        return None
    key = shown.casefold()
    tx.session.execute(
        insert(Occasion)
        .values(name=shown, key=key, created_at=at)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    return tx.session.scalars(sa.select(Occasion.id).where(Occasion.key == key)).one()


def offered(session: Session) -> list[str]:
    """Return the names of the newest occasions as suggestions."""
    query = sa.select(Occasion.name).order_by(Occasion.id.desc()).limit(OFFERED)
    return list(session.scalars(query))


def last_of(session: Session, operator_id: int) -> str:
    """Return the occasion of the operator's latest card; at a trade fair it stays the same
    all day.
    """
    query = (
        sa.select(Occasion.name)
        .join(CardUpload, CardUpload.occasion_id == Occasion.id)
        .where(CardUpload.operator_id == operator_id)
        .order_by(CardUpload.id.desc())
        .limit(1)
    )
    return session.scalars(query).first() or ""
