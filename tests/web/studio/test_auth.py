"""Signing in and out: what lets in, what does not, and what the session is bound to."""

from __future__ import annotations

import re

import pytest
import redis
import sqlalchemy as sa
from itsdangerous import TimestampSigner

from listmgr.kit.clock import now
from listmgr.operators.accounts import change_role, create_operator, disable
from listmgr.operators.models import AuditEntry, Operator, OperatorSession
from listmgr.operators.sign_in import first_run_token, one_time_sign_in
from listmgr.web.studio import sign_in_attempts
from listmgr.web.studio.sign_in_attempts import MOST_FROM_STRANGERS
from tests.web.studio.conftest import (
    BASE,
    PASSWORD,
)

SESSION = "__Host-listmgr_session"
DEVICE = "__Host-listmgr_device"


def actions(session) -> list[str]:
    return list(session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def test_s25_no_other_host_can_set_our_cookies(desk):
    at = desk()
    for name in (SESSION, DEVICE):
        cookie = at.browser.get_cookie(name, domain="news.example.org")
        assert cookie is not None
        assert (cookie.http_only, cookie.secure, cookie.same_site) == (True, True, "Lax")
        # What a browser asks of __Host-.
        assert name.startswith("__Host-")
        assert (cookie.path, cookie.origin_only) == ("/", True)


def test_s25_cookies_of_a_site_without_https_have_plain_names(app_with):
    client = app_with(base_url="http://localhost").test_client()
    answer = client.get("/studio/sign-in")
    assert answer.headers["Set-Cookie"].startswith("listmgr_session=")
    assert "Secure" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("path", ["/", "/s/none", "/u/wrong", "/static/public.css", "/nothing"])
def test_public_pages_neither_read_nor_set_the_cookie(desk, path):
    answer = desk().get(path)
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.vary


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
    assert actions(session) == ["sign_in.succeeded", "sign_in.refused", "sign_in.refused"]


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


def cookie_of(desk, name: str = SESSION) -> str:
    found = desk.browser.get_cookie(name, domain="news.example.org")
    assert found is not None
    return found.value


def with_cookie(app, value: str, name: str = SESSION):
    from tests.web.studio.conftest import Desk

    other = Desk(app.test_client())
    other.browser.set_cookie(name, value, domain="news.example.org")
    return other


def test_s15_after_signing_out_a_copied_cookie_opens_nothing(admin, app):
    copied = cookie_of(admin)
    thief = with_cookie(app, copied)
    assert thief.get("/studio/").status_code == 200
    admin.post("/studio/sign-out")
    assert thief.get("/studio/").status_code == 303
    assert with_cookie(app, copied).get("/studio/lists").status_code == 303


def test_s15_another_browser_is_signed_out_from_the_account(admin, app):
    from tests.web.studio.conftest import Desk

    other = Desk(app.test_client())
    other.post("/studio/sign-in", {"email": admin.operator.email, "password": PASSWORD})
    page = admin.get("/studio/account").text
    assert "this browser" in page
    [path] = re.findall(r'action="(/studio/account/sessions/\d+/end)"', page)
    assert admin.post(path).status_code == 303
    assert other.get("/studio/").status_code == 303
    assert admin.get("/studio/").status_code == 200


def test_s15_a_session_of_somebody_else_is_not_ended(admin, desk, session):
    number = session.scalars(sa.select(OperatorSession.id)).one()
    assert desk("sales").post(f"/studio/account/sessions/{number}/end").status_code == 303
    assert admin.get("/studio/").status_code == 200


def test_a_session_ends_with_the_account_the_role_or_the_password(desk, uow):
    keeper, other, third = desk(), desk("sales"), desk("service")
    with uow() as tx:
        disable(tx, other.operator.id, at=now())
        change_role(tx, third.operator.id, "auditor")
    assert other.get("/studio/").status_code == 303
    assert third.get("/studio/").status_code == 303
    assert keeper.get("/studio/").status_code == 200


def test_a_forged_cookie_is_nobody(anybody):
    anybody.browser.set_cookie(SESSION, "forged", domain="news.example.org")
    assert anybody.get("/studio/").status_code == 303


def test_too_many_attempts_are_held_back(anybody, admin):
    told = {"email": admin.operator.email, "password": "wrong password"}
    codes = [anybody.post("/studio/sign-in", told).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    right = anybody.post("/studio/sign-in", told | {"password": PASSWORD})
    assert right.status_code == 429
    assert "ten minutes" in right.text


def attempt(app, token: str, network: str, email: str, password: str = "wrong password") -> int:
    """A try from a network by a browser nobody knows."""
    client = app.test_client()
    page = client.get("/studio/sign-in", base_url=BASE).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    told = {"csrf_token": found[1], "email": email, "password": password}
    if token:
        client.set_cookie(DEVICE, token, domain="news.example.org")
    origin = {"REMOTE_ADDR": network}
    return client.post("/studio/sign-in", data=told, base_url=BASE, environ_base=origin).status_code


def test_s10_every_spelling_of_an_account_shares_one_counter(app, admin):
    name = admin.operator.email.partition("@")[0]
    domains = ("example.org", "EXAMPLE.ORG", "ｅｘａｍｐｌｅ.org", "example。org", "example.org.")
    codes = [
        attempt(app, "", "192.0.2.7", f" {name}@{domains[number % 5]}") for number in range(12)
    ]
    assert codes == [401] * 10 + [429] * 2


def test_s10_many_networks_have_one_slower_counter_for_an_account(app, admin):
    codes = [
        attempt(app, "", f"198.51.{number}.1", admin.operator.email)
        for number in range(MOST_FROM_STRANGERS + 2)
    ]
    assert codes == [401] * MOST_FROM_STRANGERS + [429] * 2


def test_s11_strangers_do_not_lock_out_who_signed_in_from_this_browser(app, admin, uow):
    device = cookie_of(admin, DEVICE)
    email = admin.operator.email
    for number in range(MOST_FROM_STRANGERS + 1):
        attempt(app, "", f"198.51.{number}.1", email)
    for _ in range(11):
        attempt(app, "", "203.0.113.9", email)
    assert attempt(app, "", "203.0.113.9", email, PASSWORD) == 429
    assert attempt(app, device, "203.0.113.9", email, PASSWORD) == 303
    # A way past it for a new browser: the link.
    with uow() as tx:
        token = one_time_sign_in(tx, admin.operator.id, at=now())
    from tests.web.studio.conftest import Desk

    assert Desk(app.test_client()).post(f"/studio/sign-in/{token}").status_code == 303


def test_s11_from_another_network_one_gets_in(app, admin):
    for _ in range(11):
        attempt(app, "", "203.0.113.9", admin.operator.email)
    assert attempt(app, "", "192.0.2.1", admin.operator.email, PASSWORD) == 303


def test_s11_a_known_browser_is_known_for_its_account_alone_and_counted_too(app, admin, desk):
    device = cookie_of(desk("sales"), DEVICE)
    codes = [attempt(app, device, "203.0.113.9", admin.operator.email) for _ in range(11)]
    assert codes[-1] == 429
    own = cookie_of(admin, DEVICE)
    codes = [attempt(app, own, "203.0.113.9", admin.operator.email) for _ in range(11)]
    assert codes == [401] * 10 + [429]


def test_s11_a_successful_sign_in_is_no_attempt(app, admin):
    for known in ("", cookie_of(admin, DEVICE)):
        codes = [
            attempt(app, known, "192.0.2.7", admin.operator.email, PASSWORD) for _ in range(12)
        ]
        assert codes == [303] * 12


def test_s22_the_log_says_which_account_was_tried_and_from_where(app, admin, session, settings):
    attempt(app, "", "192.0.2.7", admin.operator.email.upper())
    attempt(app, "", "192.0.2.7", "nobody@example.org")
    attempt(app, "", "192.0.2.7", "Nobody@example.org")
    rows = session.execute(
        sa.select(AuditEntry.subject, AuditEntry.subject_id, AuditEntry.details)
        .where(AuditEntry.action == "sign_in.refused")
        .order_by(AuditEntry.id)
    ).all()
    assert rows[0] == ("operator", admin.operator.id, {"network": "192.0.2.7"})
    assert rows[1].subject_id is None
    assert rows[1].details == rows[2].details
    assert len(rows[1].details["account"]) == 64
    assert "nobody" not in str(rows)


def test_s22_a_flood_of_refusals_is_told_by_its_number(app, admin, session, monkeypatch):
    monkeypatch.setattr(sign_in_attempts, "MOST_TOLD", 5)
    for number in range(17):
        attempt(app, "", f"198.51.{number}.1", "nobody@example.org")
    told = session.scalars(
        sa.select(AuditEntry.details).where(AuditEntry.action == "sign_in.refused")
    ).all()
    assert len(told) == 7


@pytest.mark.parametrize(("kept", "network"), [("off", ""), ("truncated", "192.0.2.0")])
def test_s22_the_network_is_kept_as_the_setting_says(app_with, session, kept, network):
    app = app_with(ip_storage=kept)
    attempt(app, "", "192.0.2.7", "nobody@example.org")
    [details] = session.scalars(sa.select(AuditEntry.details))
    assert details["network"] == network


def test_s21_the_present_password_cannot_be_guessed_for_ever(admin):
    told = {"password": "another good one", "current": "wrong password"}
    codes = [admin.post("/studio/account/password", told).status_code for _ in range(11)]
    assert codes == [422] * 10 + [429]
    right = admin.post("/studio/account/password", told | {"current": PASSWORD})
    assert right.status_code == 429


def test_s21_a_password_of_the_operators_own_name_or_the_lists_is_refused(admin, sample):
    for password in (
        "administrator-en1",
        "Ada Administrator",
        "NewsBrief2026",
        "Müller & Töchter",
    ):
        told = {"password": password, "current": PASSWORD}
        answer = admin.post("/studio/account/password", told)
        assert answer.status_code == 422, password
        assert "too easy to guess" in answer.text


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
    from tests.web.studio.conftest import Desk

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
    from tests.web.studio.conftest import Desk

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
    assert "Create your admin account" in anybody.get(path).text
    told = {"name": "Ada", "email": "ada@example.org", "password": "short", "language": "de"}
    wrong = anybody.post(path, told)
    assert wrong.status_code == 422
    assert 'value="ada@example.org"' in wrong.text
    assert 'value="short"' not in wrong.text
    assert anybody.post(path, told | {"password": PASSWORD}).location == "/studio/"
    assert '<html lang="de">' in anybody.get("/studio/").text
    assert anybody.get(path).status_code == 404
    assert actions(session) == ["operator.first_created"]


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


@pytest.mark.parametrize("days", [2, -30])
def test_f10_a_cookie_another_host_has_signed_is_no_older_for_it(desk, monkeypatch, days):
    """The age of a session is its row's, by the clock of the database."""
    moment = int(now().timestamp()) + days * 86_400
    with monkeypatch.context() as other_host:
        other_host.setattr(TimestampSigner, "get_timestamp", lambda _self: moment)
        signed_in = desk()
        token = signed_in.token()
    assert signed_in.get("/studio/").status_code == 200
    told = {"csrf_token": token}
    assert signed_in.browser.post("/studio/sign-out", data=told, base_url=BASE).status_code == 303
