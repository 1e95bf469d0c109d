"""The page for another address: same answer for every address, no script, no cookie."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.consent.change_address_models import (
    AddressChange,
    AddressChangeStatus,
)
from listmgr.kit.tokens import TokenPurpose, make_token
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
    make_subscriber,
)

BASE = "https://news.example.org"


@pytest.fixture
def link(uow, settings) -> str:
    with uow() as tx:
        _, _, notice = make_list(tx)
        consent = make_confirmed(tx, "anna@old.example", notice, NOW)
        make_subscriber(tx, "known@else.example", NOW)
    token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, consent.subscriber_id)
    return f"/p/{token}/address?lang=en"


def test_t11_the_answer_is_the_same_for_known_and_unknown_addresses(client, link):
    known = client.post(link, data={"address": "known@else.example"}, base_url=BASE)
    other = client.post(link, data={"address": "other@else.example"}, base_url=BASE)
    assert known.status_code == other.status_code == 200
    assert known.text.replace("k…@e…", "X") == other.text.replace("o…@e…", "X")
    assert "Set-Cookie" not in known.headers


def test_the_wish_is_shown_and_can_be_taken_back(client, session, link):
    client.post(link, data={"address": "new@else.example"}, base_url=BASE)
    assert "n…@e….example" in client.get(link, base_url=BASE).text
    back = client.post(link.replace("?", "/cancel?"), base_url=BASE)
    assert "your mail stays where it is" in back.text
    assert session.scalars(sa.select(AddressChange.status)).all() == [AddressChangeStatus.CANCELLED]


def test_a_mistake_is_told_and_kept(client, session, link):
    answer = client.post(link, data={"address": "no address"}, base_url=BASE)
    assert "We cannot write to this e-mail address" in answer.text
    assert 'value="no address"' in answer.text
    assert session.scalar(sa.select(sa.func.count()).select_from(AddressChange)) == 0


def test_t01_looking_changes_nothing(client, session, link):
    for _ in range(2):
        assert client.get(link, base_url=BASE).status_code == 200
        assert client.head(link.replace("?", "/cancel?"), base_url=BASE).status_code == 405
    assert session.scalar(sa.select(sa.func.count()).select_from(AddressChange)) == 0


def test_a_forged_link_opens_nothing(client):
    assert client.get("/p/forged/address", base_url=BASE).status_code == 404
    assert client.post("/p/forged/address", data={"address": "a@b.de"}).status_code == 404
