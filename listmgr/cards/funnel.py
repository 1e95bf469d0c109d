"""How far the cards of each occasion came: captured, asked, confirmed. Of occasions, not people."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.models import Card, CardCapture, Occasion
from listmgr.cards.stages import STAGE, Stage, with_answers

_WERE_ASKED = (Stage.ASKED.value, Stage.CONFIRMED.value, Stage.ENDED.value)
SHOWN = 24


@dataclass(frozen=True, slots=True)
class OccasionFunnel:
    """The numbers of one occasion; the last line is of cards without one."""

    name: str
    captured: int
    asked: int
    confirmed: int


def funnels(session: Session) -> list[OccasionFunnel]:
    """The newest occasions; deleted cards are still counted, by numbers alone."""
    live = _live(session)
    found = session.scalars(sa.select(Occasion).order_by(Occasion.id.desc()).limit(SHOWN))
    rows = [_summed(one.name, live.get(one.id, (0, 0, 0)), _gone(one)) for one in found]
    if None in live:
        rows.append(_summed("", live[None], (0, 0, 0)))
    return rows


def _gone(one: Occasion) -> tuple[int, int, int]:
    return one.gone_captured, one.gone_asked, one.gone_confirmed


def _summed(name: str, live: tuple[int, int, int], gone: tuple[int, int, int]) -> OccasionFunnel:
    return OccasionFunnel(name, *(a + b for a, b in zip(live, gone, strict=True)))


def _live(session: Session) -> dict[int | None, tuple[int, int, int]]:
    # A card two people took counts once, where it was taken first.
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
