"""Count the cards of each occasion by stage: captured, asked, confirmed. Counts, never people.

The stage depends on what the person answered since. With many cards a job counts every five
minutes, and the page shows when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.models import Card, CardCapture, CardCount, Occasion
from listmgr.cards.stages import STAGE, Stage, with_answers
from listmgr.kit.transaction import Transaction

_WERE_ASKED = (Stage.ASKED.value, Stage.CONFIRMED.value, Stage.ENDED.value)
SHOWN = 24
# So many cards are counted while the page waits.
LIVE = 1_000


@dataclass(frozen=True, slots=True)
class OccasionFunnel:
    """The counts of one occasion; the last row is for cards without one."""

    name: str
    captured: int
    asked: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Funnels:
    """The newest occasions; `counted_at` is None if they were counted just now."""

    rows: list[OccasionFunnel]
    counted_at: datetime | None


def funnels(session: Session) -> Funnels:
    """Return the newest occasions; deleted cards count through their stored numbers."""
    kept = session.scalars(sa.select(CardCount)).all() if _are_many(session) else ()
    live = {row.occasion_id: (row.captured, row.asked, row.confirmed) for row in kept} or _live(
        session
    )
    occasions = session.scalars(sa.select(Occasion).order_by(Occasion.id.desc()).limit(SHOWN))
    rows = [_summed(row.name, live.get(row.id, (0, 0, 0)), _gone(row)) for row in occasions]
    if None in live:
        rows.append(_summed("", live[None], (0, 0, 0)))
    return Funnels(rows, kept[0].counted_at if kept else None)


def count_again(tx: Transaction, *, at: datetime) -> None:
    """Refresh the counts that are too slow for a page. Safe to run twice and concurrently."""
    tx.session.execute(sa.text("LOCK TABLE card_counts IN EXCLUSIVE MODE"))
    tx.session.execute(sa.delete(CardCount))
    if not _are_many(tx.session):
        return
    tx.session.add_all(
        CardCount(
            occasion_id=occasion_id,
            captured=captured,
            asked=asked,
            confirmed=confirmed,
            counted_at=at,
        )
        for occasion_id, (captured, asked, confirmed) in _live(tx.session).items()
    )


def _are_many(session: Session) -> bool:
    some = sa.select(Card.id).limit(LIVE + 1).subquery()
    return session.scalars(sa.select(sa.func.count()).select_from(some)).one() > LIVE


def _gone(occasion: Occasion) -> tuple[int, int, int]:
    return occasion.gone_captured, occasion.gone_asked, occasion.gone_confirmed


def _summed(name: str, live: tuple[int, int, int], gone: tuple[int, int, int]) -> OccasionFunnel:
    return OccasionFunnel(name, *(a + b for a, b in zip(live, gone, strict=True)))


def _live(session: Session) -> dict[int | None, tuple[int, int, int]]:
    # A card taken twice counts once, where it was taken first.
    first = (
        sa.select(CardCapture.occasion_id)
        .where(CardCapture.card_id == Card.id, CardCapture.occasion_id.is_not(None))
        .order_by(CardCapture.id)
        .limit(1)
        .scalar_subquery()
    )
    staged = (
        with_answers(sa.select(first.label("occasion_id"), STAGE.label("stage")).select_from(Card))
        .where(STAGE.is_distinct_from(Stage.OBJECTED.value))
        .subquery()
    )
    asked = sa.func.count().filter(staged.c.stage.in_(_WERE_ASKED))
    confirmed = sa.func.count().filter(staged.c.stage == Stage.CONFIRMED.value)
    rows = session.execute(
        sa.select(staged.c.occasion_id, sa.func.count(), asked, confirmed).group_by(
            staged.c.occasion_id
        )
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}
