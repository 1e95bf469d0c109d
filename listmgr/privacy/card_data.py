"""A person's business card as they are shown it, with its source (L-31)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.inbox import CaptureEntry, cards_of, takings_of
from listmgr.cards.intake import WORDS
from listmgr.cards.models import Card, CardReply, CardUpload
from listmgr.cards.outreach.consent_statement import (
    Statement,
    statement_of,
)
from listmgr.cards.parsing.parsed_card import from_json
from listmgr.cards.stages import Stage, staged
from listmgr.operators.models import Operator, Role
from listmgr.subscribers.field_catalogue import LegalBasis


@dataclass(frozen=True, slots=True)
class HeldCard:
    """A card and its captures. Staff are named by role only; `roles` maps their ids."""

    card: Card
    takings: tuple[CaptureEntry, ...]
    statement: Statement | None
    roles: Mapping[int, Role]
    # As long as the picture or file it was read from is kept.
    picture: bool
    # None once the person has confirmed: it stays with their history.
    delete_at: datetime | None
    basis: LegalBasis = LegalBasis.LEGITIMATE_INTEREST

    @property
    def words(self) -> dict[str, str]:
        """Return the card's filled fields."""
        return {name: value for name in WORDS if (value := getattr(self.card, name))}

    @property
    def also_read(self) -> tuple[str, ...]:
        """Return further lines that were read, until the card is reviewed."""
        return from_json(self.card.guessed).further

    def as_plain(self) -> dict[str, Any]:
        """Return the same as plain values, for a file."""
        card, stated = self.card, self.statement
        return {
            "words": self.words,
            "also_read": list(self.also_read),
            "language": card.language,
            "picture_kept": self.picture,
            "taken": [self._taken(taking) for taking in self.takings],
            "notice_given_at": _iso(card.notice_given_at),
            "notice_way": card.notice_way and card.notice_way.value,
            "replies": [self._reply(reply) for reply in card.replies],
            "statement": stated
            and {
                "words": stated.words,
                "list": stated.list_name,
                "at": _iso(stated.consent.captured_at),
                "asked_at": _iso(stated.service_mail.sent_at if stated.service_mail else None),
            },
            "legal_basis": self.basis.value,
            "deleted_at": _iso(self.delete_at),
        }

    def _taken(self, taking: CaptureEntry) -> dict[str, Any]:
        return {
            "at": _iso(taking.capture.taken_at),
            "occasion": taking.occasion,
            "by": self.roles[taking.capture.operator_id].value,
            "source": taking.capture.source.value,
            "said": taking.capture.said,
        }

    def _reply(self, reply: CardReply) -> dict[str, Any]:
        return {
            "at": _iso(reply.created_at),
            "by": self.roles[reply.operator_id].value,
            "status": reply.status.value,
            "subject": reply.subject,
            "body": reply.body,
        }


def held_cards(session: Session, address_key: str) -> tuple[HeldCard, ...]:
    """Return the cards with this address, one for each operator who took it."""
    return tuple(_held(session, card, takings) for card, takings in cards_of(session, address_key))


def held_card(session: Session, card: Card) -> HeldCard:
    """Return one card, which may lack an address."""
    return _held(session, card, takings_of(session, card))


def _held(session: Session, card: Card, takings: tuple[CaptureEntry, ...]) -> HeldCard:
    staff = [taking.capture.operator_id for taking in takings]
    staff += [reply.operator_id for reply in card.replies]
    confirmed = staged(session, card).stage is Stage.CONFIRMED
    return HeldCard(
        card=card,
        takings=takings,
        statement=statement_of(session, card),
        roles=_roles(session, staff),
        picture=_is_kept(session, card.upload_id),
        delete_at=None if confirmed else card.delete_at,
    )


def _roles(session: Session, operator_ids: Iterable[int]) -> dict[int, Role]:
    query = sa.select(Operator.id, Operator.role).where(Operator.id.in_(set(operator_ids)))
    return dict(session.execute(query).all())


def _is_kept(session: Session, upload_id: int | None) -> bool:
    kept = sa.select(CardUpload.id).where(
        CardUpload.id == upload_id, CardUpload.content.is_not(None)
    )
    return session.scalars(kept).first() is not None


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
