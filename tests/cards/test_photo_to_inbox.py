"""A photo goes the whole way: handed in, read on this machine, its cards in the inbox."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from listmgr.cards.imaging.optional_deps import (
    OCR,
    SCAN,
    installed,
)
from listmgr.cards.models import Card, CardStatus
from listmgr.cards.parsing.parsed_card import UNSURE
from listmgr.consent.models import Consent
from tests.cards.corrections import hand_in


@pytest.mark.skipif(not installed(SCAN + OCR), reason="pip install -e '.[scan,ocr]'")
def test_two_cards_in_one_photo_are_two_to_review(uow, session, ada):
    from tests.cards.photographed import on_table
    from tests.cards.printed import DESIGNS, card, file_of

    anna, sarah = card(0).printed, card(2).printed
    table = on_table([DESIGNS[0](anna), DESIGNS[3](sarah)], random.Random(3), (1800, 900))
    hand_in(uow, ada.id, file_of(table))
    found = session.scalars(sa.select(Card).order_by(Card.address)).all()
    assert [one.address for one in found] == [anna.email, sarah.email]
    assert {one.status for one in found} == {CardStatus.CAPTURED}
    assert [one.first_name for one in found] == [anna.first, sarah.first]
    assert found[0].guessed["emails"][0]["confidence"] > UNSURE
    # Nothing enters a list without review.
    assert session.scalars(sa.select(Consent)).all() == []
