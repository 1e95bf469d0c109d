"""Prefill a sign-up page from a card, for a tablet or a QR code; the person ticks the boxes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from listmgr.cards.models import Card, CardStatus
from listmgr.cards.restriction import restricted_since
from listmgr.config import Settings
from listmgr.kit.tokens import TokenError, TokenPurpose, make_token, open_token

# Long enough to hand the tablet over, too short to be of use to who finds the link later.
LIVES_SECONDS = 15 * 60


@dataclass(frozen=True, slots=True)
class Prefill:
    """Values a sign-up form may be prefilled with; never a ticked box."""

    address: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""


def prefill_token(settings: Settings, card_id: int) -> str:
    """Return a signed token for the page's URL; it contains no personal data."""
    return make_token(settings.secret_keys, TokenPurpose.PREFILL, card_id)


def prefill(session: Session, settings: Settings, token: str) -> Prefill:
    """Return the values of the card behind a token; empty if it is expired, forged or unknown."""
    try:
        [card_id] = open_token(
            settings.secret_keys, TokenPurpose.PREFILL, token, max_age=LIVES_SECONDS
        )
    except (TokenError, ValueError):
        return Prefill()
    card = session.get(Card, card_id)
    if card is None or card.status is not CardStatus.KEPT or restricted_since(session, card):
        return Prefill()
    return Prefill(card.address, card.first_name, card.last_name, card.company)
