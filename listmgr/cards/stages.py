"""The stage of a card: what operators did with it and what the person answered since."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeVarTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from listmgr.cards.models import Card, CardStatus
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ConsentSource
from listmgr.subscribers.models import Subscriber


class Stage(enum.StrEnum):
    """Stage of a card. The first two wait for the operator."""

    REVIEW = "review"
    OBJECTED = "objected"
    KEPT = "kept"
    # An operator's statement is stored, and the confirmation mail not yet sent.
    STATED = "stated"
    ASKED = "asked"
    CONFIRMED = "confirmed"
    # Asked, and refused, withdrawn, or not answered in time.
    ENDED = "ended"


Columns = TypeVarTuple("Columns")

_begun = aliased(Consent, name="begun_consent")

# The person's own latest consent since the card was taken: by the operator's statement, on the
# tablet, or at home on the public page. What a colleague stated by their card is not told by this.
_own = (
    sa.select(Consent.id, Consent.status, Consent.subscriber_id)
    .join(Subscriber, Subscriber.id == Consent.subscriber_id)
    .where(
        Subscriber.address_key == Card.address_key,
        Consent.captured_at >= Card.captured_at,
        sa.or_(Consent.source != ConsentSource.CARD, Consent.id == Card.consent_id),
    )
    .order_by((Consent.status == ConsentStatus.CONFIRMED).desc(), Consent.id.desc())
    .limit(1)
    .correlate(Card)
    .lateral("own_consent")
)
# A consent that ran out has forgotten whose it was; the card still knows which it began.
_answer = sa.func.coalesce(_own.c.status, _begun.status)

STAGE: sa.ColumnElement[str] = sa.case(
    (Card.status == CardStatus.CAPTURED, Stage.REVIEW.value),
    (Card.status == CardStatus.OBJECTED, Stage.OBJECTED.value),
    (_answer == ConsentStatus.CAPTURED.value, Stage.STATED.value),
    (_answer == ConsentStatus.PENDING.value, Stage.ASKED.value),
    (_answer == ConsentStatus.CONFIRMED.value, Stage.CONFIRMED.value),
    (_answer.is_not(None), Stage.ENDED.value),
    else_=Stage.KEPT.value,
)
WHOSE: sa.ColumnElement[int | None] = sa.func.coalesce(_own.c.subscriber_id, _begun.subscriber_id)


@dataclass(frozen=True, slots=True)
class StagedCard:
    """A card with its stage and the subscriber it led to."""

    card: Card
    stage: Stage
    subscriber_id: int | None = None


def with_answers(query: sa.Select[*Columns]) -> sa.Select[*Columns]:
    """Return the query over cards, joined with what STAGE and WHOSE need."""
    return query.outerjoin(_begun, _begun.id == Card.consent_id).outerjoin(_own, sa.true())


def staged(session: Session, card: Card) -> StagedCard:
    """Return one card with its stage."""
    query = with_answers(sa.select(STAGE, WHOSE).select_from(Card)).where(Card.id == card.id)
    stage, whose = session.execute(query).one()
    return StagedCard(card, Stage(stage), whose)
