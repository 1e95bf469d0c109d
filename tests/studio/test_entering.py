"""Signing in and out: what lets in, what does not, and what the session is bound to."""

from __future__ import annotations

import re

import pytest
import redis
import sqlalchemy as sa

from listmgr.kit.clock import now
from listmgr.operators.accounts import change_role, create_operator, disable
from listmgr.operators.models import AuditEntry, Operator
from listmgr.operators.sign_in import first_run_token, one_time_sign_in
from tests.studio.conftest import BASE, PASSWORD


def actions(session) -> list[str]:
    return list(session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def test_the_cookie_is_for_the_studio_alone(desk):
    at = desk()
    cookie = at.browser.get_cookie("session", domain="news.example.org", path="/studio")
    assert cookie is not None
    assert (cookie.http_only, cookie.secure, cookie.same_site) == (True, True, "Lax")
    answer = at.browser.get("/s/none", base_url=BASE)
    assert "Set-Cookie" not in answer.headers


def test_a_wrong_password_and_an_unknown_address_get_one_answer(anybody, admin, session):
    answers = [
        anybody.post("/studio/sign-in", {"email": email, "password": "wrong password"})
        for email in (admin.operator.email, "nobody@example.org")
    ]
    pages = {
        re.sub(r'(csrf_token" value=|name="email"[^>]*value=)"[^"]*"', "", answer.text)
        for answer in answers
    }
    assert {answer.status_code for answer in answers} == {401}
    assert len(pages) == 1
    assert actions(session) == ["signed-in", "sign-in.refused", "sign-in.refused"]
    told = session.scalars(sa.select(AuditEntry.details)).all()
    assert all(details == {} for details in told)


def test_a_failed_sign_in_keeps_the_address(anybody):
    answer = anybody.post("/studio/sign-in", {"email": "ada@example.org", "password": "wrong"})
    assert 'value="ada@example.org"' in answer.text


def test_signing_in_goes_on_to_where_one_wanted(anybody, admin):
    sent = anybody.get("/studio/lists")
    assert sent.location == "/studio/sign-in?next=/studio/lists"
    page = anybody.get(sent.location).text
    assert 'name="next" value="/studio/lists"' in page
    told = {"email": admin.operator.email, "password": PASSWORD, "next": "/studio/lists"}
    assert anybody.post("/studio/sign-in", told).location == "/studio/lists"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/studio/../x",
        "/studio//evil",
        "/studio\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/s/news",
        "/studio/?x=//evil",
    ],
)
def test_t15_and_nowhere_else(anybody, admin, wanted):
    told = {"email": admin.operator.email, "password": PASSWORD, "next": wanted}
    assert anybody.post("/studio/sign-in", told).location == "/studio/"


def test_signing_out_is_a_post(admin):
    assert admin.get("/studio/sign-out").status_code == 405
    assert admin.get("/studio/").status_code == 200
    assert admin.post("/studio/sign-out").status_code == 303
    assert admin.get("/studio/").status_code == 303


def test_a_session_ends_with_the_account_the_role_or_the_password(desk, uow):
    keeper, other, third = desk(), desk("sales"), desk("service")
    with uow() as tx:
        disable(tx, other.operator.id, at=now())
        change_role(tx, third.operator.id, "auditor")
    assert other.get("/studio/").status_code == 303
    assert third.get("/studio/").status_code == 303
    assert keeper.get("/studio/").status_code == 200


def test_a_forged_cookie_is_nobody(anybody):
    anybody.browser.set_cookie("session", "forged", domain="news.example.org", path="/studio")
    assert anybody.get("/studio/").status_code == 303


def test_too_many_attempts_are_held_back(anybody, admin):
    told = {"email": admin.operator.email, "password": "wrong password"}
    codes = [anybody.post("/studio/sign-in", told).status_code for _ in range(11)]
    # The administrator's own sign-in was the first of ten.
    assert codes == [401] * 9 + [429] * 2
    right = anybody.post("/studio/sign-in", told | {"password": PASSWORD})
    assert right.status_code == 429
    assert "ten minutes" in right.text


def test_attempts_at_one_address_do_not_lock_out_others(anybody, admin):
    for _ in range(11):
        anybody.post("/studio/sign-in", {"email": "x@example.org", "password": "wrong"})
    told = {"email": admin.operator.email, "password": PASSWORD}
    assert anybody.post("/studio/sign-in", told).status_code == 303


def test_valkey_holds_no_address_and_may_be_away(anybody, settings, app):
    anybody.post("/studio/sign-in", {"email": "ada@example.org", "password": "wrong"})
    keys = redis.Redis.from_url(settings.redis_url).keys("*sign-in*")
    assert keys
    assert not any(b"ada" in key for key in keys)
    away = redis.Redis.from_url("redis://127.0.0.1:1/0")
    services = app.extensions["listmgr"]
    object.__setattr__(services, "redis", away)
    told = {"email": "away@example.org", "password": "wrong"}
    codes = [anybody.post("/studio/sign-in", told).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]


def test_a_one_time_link_shows_a_button_and_acts_once(anybody, uow, session, sample):
    with uow() as tx:
        token = one_time_sign_in(tx, sample["operator_id"], at=now())
    path = f"/studio/sign-in/{token}"
    for _ in range(2):
        assert "Welcome, Otto" in anybody.get(path).text
        assert anybody.head(path).status_code == 200
    assert session.get_one(Operator, sample["operator_id"]).session_version == 1
    entered = anybody.browser.post(
        path, data={"csrf_token": anybody.token("/studio/sign-in")}, base_url=BASE
    )
    assert entered.location == "/studio/account"
    assert "Set a password now" in anybody.get("/studio/account").text
    again = anybody.browser.get(path, base_url=BASE)
    assert again.status_code == 404
    assert "Ask an administrator" in again.text


def test_a_password_is_set_after_a_one_time_link(app, uow, sample):
    from tests.studio.conftest import Desk

    with uow() as tx:
        token = one_time_sign_in(tx, sample["operator_id"], at=now())
    at = Desk(app.test_client())
    at.post(f"/studio/sign-in/{token}")
    at.operator = Operator()
    short = at.post("/studio/account/password", {"password": "short"})
    assert short.status_code == 422
    assert "at least 12 characters" in short.text
    assert at.post("/studio/account/password", {"password": PASSWORD}).status_code == 303
    # From here on it takes the present one.
    refused = at.post("/studio/account/password", {"password": "another good one"})
    assert refused.status_code == 422
    assert "not your present password" in refused.text
    both = {"password": "another good one", "current": PASSWORD}
    assert at.post("/studio/account/password", both).status_code == 303
    assert at.get("/studio/").status_code == 200


def test_a_new_password_ends_other_sessions(admin, app):
    from tests.studio.conftest import Desk

    other = Desk(app.test_client())
    other.post("/studio/sign-in", {"email": admin.operator.email, "password": PASSWORD})
    assert other.get("/studio/").status_code == 200
    admin.post("/studio/account/password", {"password": "another good one", "current": PASSWORD})
    assert other.get("/studio/").status_code == 303
    assert admin.get("/studio/").status_code == 200


def test_the_first_administrator_is_made_by_the_first_run_link(anybody, uow, session):
    with uow() as tx:
        token = first_run_token(tx, at=now())
    path = f"/studio/first-run/{token}"
    assert "The first administrator" in anybody.get(path).text
    told = {"name": "Ada", "email": "ada@example.org", "password": "short", "language": "de"}
    wrong = anybody.post(path, told)
    assert wrong.status_code == 422
    assert 'value="ada@example.org"' in wrong.text
    assert 'value="short"' not in wrong.text
    assert anybody.post(path, told | {"password": PASSWORD}).location == "/studio/"
    assert '<html lang="de">' in anybody.get("/studio/").text
    assert anybody.get(path).status_code == 404
    assert actions(session) == ["operator.first"]


@pytest.mark.parametrize("token", ["x", "x" * 3000, "%00", "a%0d%0ab", "..%2f.."])
def test_forged_links_get_one_answer(anybody, token):
    for door in ("sign-in", "first-run"):
        answer = anybody.get(f"/studio/{door}/{token}")
        assert answer.status_code == 404


def test_l37_operators_without_a_password_are_let_in_by_link_only(anybody, uow):
    with uow() as tx:
        create_operator(tx, email="b@example.org", name="B", role="sales", at=now())
    for password in ("", " "):
        told = {"email": "b@example.org", "password": password}
        assert anybody.post("/studio/sign-in", told).status_code == 401
