"""The page of the phone: nothing of the operator in it, and each card once."""

from __future__ import annotations

import re

import sqlalchemy as sa

from listmgr.cards.models import Card
from listmgr.schema import resource
from tests.cards.corrections import VCARD
from tests.web.studio.conftest import BASE
from tests.web.studio.test_cards import read_all


def test_the_phones_page_holds_nothing_of_the_operator(sales, sample):
    answer = sales.get("/studio/capture/")
    assert "manifest-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "worker-src 'self'" in answer.headers["Content-Security-Policy"]
    assert sales.operator.name not in answer.text
    assert "csrf_token" not in answer.text
    script = sales.get("/studio/capture/worker.js")
    assert script.mimetype == "text/javascript"
    assert sales.operator.name not in script.text
    told = sales.get("/studio/capture/token").get_json()
    assert told["operator"]["name"] == sales.operator.name


def test_a_card_the_phone_sends_twice_is_one(sales, sample, session, uow):
    token = sales.get("/studio/capture/token").get_json()["token"]
    answers = [
        sales.browser.post(
            "/studio/capture/send",
            data={
                "csrf_token": token,
                "key": "abc",
                "taken_at": "1764000000000",
                "occasion": "Halle 4",
                "text": VCARD.format(address="zoe@example.com"),
            },
            base_url=BASE,
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].get_json() == answers[1].get_json()
    read_all(uow, session)
    [card] = session.scalars(sa.select(Card).where(Card.address == "zoe@example.com"))
    assert card.captures[0].taken_at.timestamp() == 1764000000


def test_a_phone_without_a_session_is_told_by_a_redirect_and_loses_nothing(anybody, sample):
    assert anybody.get("/studio/capture/token").status_code == 303
    answer = anybody.browser.post("/studio/capture/send", data={"text": "x"}, base_url=BASE)
    assert answer.status_code == 303


def test_every_part_of_the_phones_page_is_one_of_our_files():
    manifest = (resource("templates").parent / "listmgr/static/pocket.webmanifest").read_text()
    assert '"scope": "/studio/capture/"' in manifest
    script = (resource("templates").parent / "listmgr/static/pocket.js").read_text()
    assert not re.search(r"https?://", script)
