"""Cards are handed in and typed by hand: what cannot be taken is named, and each comes in once."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from listmgr.cards import upload
from listmgr.cards.models import Card, CardSource, CardStatus, CardUpload
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from tests.web.studio.conftest import BASE
from tests.web.studio.test_cards import (
    card_file,
    hand_in,
)


def test_what_cannot_be_taken_is_named_and_the_rest_is_taken(sales, sample, monkeypatch):
    monkeypatch.setattr(upload, "MAX_BYTES", 2000)
    large = (b"\xff\xd8\xff" + b"x" * 2000, "IMG.jpg", "image/jpeg")
    assert hand_in(sales, card_file(), large).status_code == 303
    assert "15 MB at most" in sales.get("/studio/cards").text
    answer = hand_in(sales, large, said="bitte anrufen")
    assert answer.status_code == 422
    assert "bitte anrufen" in answer.text


def test_a_photo_of_fifty_megabytes_is_refused_with_a_sentence(sales, sample):
    photo = b"\xff\xd8\xff" + bytes(50 * 1024 * 1024)
    with pytest.raises(InvalidInput) as error:
        handed = upload.Upload(CardSource.PHOTO, photo)
        upload.checked(upload.CaptureFacts(1, now()), handed, at=now())
    assert "15 MB" in error.value.fields["content"]
    # More than a few pictures at once is not even read to its end.
    kind = "multipart/form-data; boundary=x"
    body = b"--x\r\n" + bytes(5 * upload.MAX_BYTES)
    answer = sales.browser.post("/studio/cards/new", data=body, content_type=kind, base_url=BASE)
    assert answer.status_code == 413
    assert "smaller files" in answer.text


def test_a_double_click_hands_in_once(sales, sample, session):
    page = sales.get("/studio/cards/new").text
    key = re.search(r'name="key" value="([^"]+)"', page)[1]
    before = session.scalar(sa.select(sa.func.count()).select_from(CardUpload))
    for _ in range(2):
        assert hand_in(sales, card_file(), key=key).status_code == 303
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(CardUpload)) == before + 1


def test_a_typed_card_lands_in_the_inbox_too(sales, sample, session):
    words = {"address": "new@example.com", "first_name": "Neu", "occasion": "Messe", "key": "k"}
    answer = sales.post("/studio/cards/type", words)
    again = sales.post("/studio/cards/type", words)
    assert answer.location == again.location
    [card] = session.scalars(sa.select(Card).where(Card.address == "new@example.com"))
    assert card.status is CardStatus.CAPTURED
    assert 'value="Messe"' in sales.get("/studio/cards/new").text
