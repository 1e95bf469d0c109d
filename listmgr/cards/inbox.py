"""The inbox: cards to review, cards waiting for an answer, and uploads being read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.models import Card, CardCapture, CardStatus, CardUpload, Occasion, UploadStatus
from listmgr.cards.privacy_notice import overdue
from listmgr.cards.restriction import FREE, RESTRICTED_ONES, restricted_since
from listmgr.cards.stages import STAGE, WHOSE, Stage, StagedCard, staged, with_answers
from listmgr.cards.visibility import (
    find_card,
    seen_by,
)
from listmgr.consent.models import Consent, ConsentSource
from listmgr.operators.models import Operator
from listmgr.subscribers.models import Subscriber

PAGE = 30
# How many cards are asked at a time what their people have answered.
LOOKED = 300
_STATUS = {Stage.REVIEW: CardStatus.CAPTURED, Stage.OBJECTED: CardStatus.OBJECTED}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the inbox: the card and who took it."""

    staged: StagedCard
    captors: tuple[str, ...]
    occasion: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of cards, newest first. `older` is the id to continue below; None at the end.

    A page may be short or empty and still have a next one, if older cards were not examined yet.
    """

    rows: tuple[Row, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class CaptureEntry:
    """One capture as the card's page shows it."""

    capture: CardCapture
    operator: str
    occasion: str


@dataclass(frozen=True, slots=True)
class CardDetails:
    """The data shown beside a card on its page."""

    staged: StagedCard
    takings: tuple[CaptureEntry, ...]
    upload: CardUpload | None
    # Somebody of this address is known from before; nothing more is said of them.
    known_before: bool
    restricted_since: datetime | None


def inbox(
    session: Session,
    own: int | None,
    *,
    stages: Sequence[Stage],
    overdue_at: datetime | None = None,
    below: int | None = None,
) -> Page:
    """Return one page of cards at some stages, optionally only those with an overdue notice."""
    statuses = {_STATUS.get(stage, CardStatus.KEPT) for stage in stages}
    query = (
        with_answers(sa.select(Card, STAGE, WHOSE))
        .where(
            seen_by(own),
            FREE,
            Card.status.in_(statuses),
            STAGE.in_([stage.value for stage in stages]),
        )
        .order_by(Card.id.desc())
        .limit(PAGE + 1)
    )
    floor: int | None = None
    if overdue_at is not None:
        query = query.where(overdue(overdue_at))
    elif CardStatus.KEPT in statuses:
        floor = _floor(session, own, below)
        query = query.where(Card.id >= floor)
    return _page(session, query, below, floor)


def restricted(session: Session, *, below: int | None = None) -> Page:
    """Return one page of restricted cards (Article 18), for whoever handles the request."""
    query = with_answers(sa.select(Card, STAGE, WHOSE)).where(RESTRICTED_ONES)
    return _page(session, query.order_by(Card.id.desc()).limit(PAGE + 1), below, None)


def _page(
    session: Session,
    query: sa.Select[Card, str, int | None],
    below: int | None,
    floor: int | None,
) -> Page:
    if below is not None:
        query = query.where(Card.id < below)
    staged_cards = [
        StagedCard(card, Stage(stage), whose) for card, stage, whose in session.execute(query)
    ]
    taken = _takings(session, [item.card.id for item in staged_cards])
    rows = tuple(
        Row(
            item,
            tuple(taking.operator for taking in taken.get(item.card.id, ())),
            next((t.occasion for t in taken.get(item.card.id, ()) if t.occasion), ""),
        )
        for item in staged_cards[:PAGE]
    )
    if len(staged_cards) > PAGE:
        return Page(rows, rows[-1].staged.card.id)
    return Page(rows, floor or None)


def _floor(session: Session, own: int | None, below: int | None) -> int:
    """Return the lowest id among the next cards to examine; 0 if there are no more."""
    kept = sa.select(Card.id).where(Card.status == CardStatus.KEPT, seen_by(own))
    if below is not None:
        kept = kept.where(Card.id < below)
    ids = session.scalars(kept.order_by(Card.id.desc()).limit(LOOKED + 1)).all()
    return ids[LOOKED - 1] if len(ids) > LOOKED else 0


@dataclass(frozen=True, slots=True)
class Size:
    """A number of cards, exact or a lower bound."""

    number: int
    exact: bool = True


def counts(session: Session, own: int | None) -> dict[Stage, Size]:
    """Count the cards at each stage. Answers are looked up for the newest cards only, so that
    larger counts are lower bounds.
    """
    by_status = _by_status(session, own)
    floor = _floor(session, own, None)
    query = with_answers(sa.select(STAGE, sa.func.count()).select_from(Card)).where(
        seen_by(own), FREE, Card.status == CardStatus.KEPT, Card.id >= floor
    )
    answered = dict(session.execute(query.group_by(STAGE)).all())
    return {
        stage: Size(by_status.get(_STATUS[stage], 0))
        if stage in _STATUS
        else Size(answered.get(stage.value, 0), exact=not floor)
        for stage in Stage
    }


def count_to_review(session: Session, own: int | None) -> int:
    """Count the cards that nobody has reviewed."""
    return _by_status(session, own, CardStatus.CAPTURED).get(CardStatus.CAPTURED, 0)


def _by_status(session: Session, own: int | None, *statuses: CardStatus) -> dict[CardStatus, int]:
    """Count the unrestricted cards by status.

    An index counts all cards; the few restricted ones are subtracted.
    """
    counted = (
        sa.select(Card.status, sa.func.count())
        .where(seen_by(own), Card.status.in_(statuses or _STATUS.values()))
        .group_by(Card.status)
    )
    withheld = dict(session.execute(counted.where(RESTRICTED_ONES)).all())
    return {status: number - withheld.get(status, 0) for status, number in session.execute(counted)}


def count_restricted(session: Session) -> int:
    """Count the restricted cards."""
    return session.scalars(sa.select(sa.func.count(Card.id)).where(RESTRICTED_ONES)).one()


def card_details(session: Session, card_id: int, own: int | None) -> CardDetails:
    """Return a card with everything its page shows. Raises NotFound."""
    card = find_card(session, card_id, own)
    upload = None if card.upload_id is None else session.get(CardUpload, card.upload_id)
    return CardDetails(
        staged=staged(session, card),
        takings=takings_of(session, card),
        upload=upload,
        known_before=_known_before(session, card),
        restricted_since=restricted_since(session, card),
    )


def cards_of(session: Session, address_key: str) -> list[tuple[Card, tuple[CaptureEntry, ...]]]:
    """Return the cards with a subscriber's address, for their history."""
    same = sa.select(Card).where(Card.address_key == address_key).order_by(Card.id)
    cards = session.scalars(same).all()
    taken = _takings(session, [card.id for card in cards])
    return [(card, tuple(taken.get(card.id, ()))) for card in cards]


def takings_of(session: Session, card: Card) -> tuple[CaptureEntry, ...]:
    """Return who took a card, when and where."""
    return tuple(_takings(session, [card.id]).get(card.id, ()))


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """Progress of an operator's uploads."""

    uploads: tuple[CardUpload, ...]

    @property
    def done(self) -> int:
        """Cards read so far in the uploads that were opened."""
        return sum(max(upload.done, upload.read) for upload in self.uploads)

    @property
    def detected(self) -> int:
        """Cards detected so far."""
        return sum(upload.detected for upload in self.uploads)


def being_read(session: Session, operator_id: int) -> UploadProgress:
    """Return the operator's uploads that are still being read."""
    uploads = session.scalars(
        sa.select(CardUpload)
        .where(CardUpload.operator_id == operator_id, CardUpload.status == UploadStatus.WAITING)
        .order_by(CardUpload.id)
        .limit(200)
    )
    return UploadProgress(tuple(uploads))


def not_read(session: Session, operator_id: int) -> list[CardUpload]:
    """Return the operator's uploads that could not be read, until they dismiss them."""
    query = sa.select(CardUpload).where(
        CardUpload.operator_id == operator_id,
        CardUpload.status == UploadStatus.FAILED,
        CardUpload.problem != "",
    )
    return list(session.scalars(query.order_by(CardUpload.id.desc()).limit(20)))


def _takings(session: Session, card_ids: Sequence[int]) -> dict[int, list[CaptureEntry]]:
    rows = session.execute(
        sa.select(CardCapture, Operator.name, Occasion.name)
        .join(Operator, Operator.id == CardCapture.operator_id)
        .outerjoin(Occasion, Occasion.id == CardCapture.occasion_id)
        .where(CardCapture.card_id.in_(card_ids))
        .order_by(CardCapture.id)
    )
    captures: dict[int, list[CaptureEntry]] = {}
    for capture, operator, occasion in rows:
        captures.setdefault(capture.card_id, []).append(
            CaptureEntry(capture, operator, occasion or "")
        )
    return captures


def _known_before(session: Session, card: Card) -> bool:
    if card.address_key is None:
        return False
    query = (
        sa.select(Consent.id)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .where(
            Subscriber.address_key == card.address_key,
            Consent.captured_at < card.captured_at,
            # A colleague's statement alone says that they have a card.
            sa.or_(Consent.source != ConsentSource.CARD, Consent.confirmed_at.is_not(None)),
        )
    )
    return session.scalars(query.limit(1)).first() is not None
