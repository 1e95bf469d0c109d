"""Hostile input to every form of the studio: refused in words, never an error, never executed."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.cards.models import CardUpload
from tests.web.studio.conftest import BASE

HOSTILE = {
    "nul": "a\0b",
    "controls": "\x01\x02\x1b[31m\x7f",
    "crlf": "a\r\nBcc: evil@example.org\r\n\r\nbody",
    "html": "\"><script>alert('x')</script><img src=x onerror=alert(1)>",
    "template": "{{ config }}{% for x in y %}%(name)s %s",
    "formula": "=cmd|' /C calc'!A0",
    "separators": "a\u2028b\u2029c\u202e",
    "sql": "'; DROP TABLE subscribers; --",
    "long": "x" * 400_000,
    "emoji": "👩‍👩‍👧 Ünïcödé ﷽",
    "number": "9" * 60,
}
FORMS = {
    "/studio/sign-in": ("email", "password", "next"),
    "/studio/lists/new": (
        *("slug", "name", "description", "language", "sender_name"),
        *("sender_address", "controller", "imprint", "privacy_url"),
    ),
    "/studio/lists/1/edit": ("name", "sender_name", "sender_address", "imprint", "privacy_url"),
    "/studio/lists/1/purposes/new": ("slug", "name_de", "name_en"),
    "/studio/lists/purposes/1/publish": ("words_de", "words_en", "privacy_version"),
    "/studio/forms/new": ("slug", "title_de", "title_en", "intro_de", "intro_en", "purposes"),
    "/studio/forms/1/edit": ("title_de", "title_en", "intro_de", "purposes"),
    "/studio/subscribers/1/object": ("how",),
    "/studio/subscribers/1/consents/1/withdraw": ("how",),
    "/studio/operators/new": ("email", "name", "role", "language"),
    "/studio/operators/1/role": ("role",),
    "/studio/senders/new": (
        *("name", "host", "port", "security", "username", "password", "envelope", "serves"),
        *("bounce_domain", "processor", "processor_country", "processor_contract"),
    ),
    "/studio/senders/1/edit": ("name", "host", "serves", "processor"),
    "/studio/senders/0/pace": (
        *("per_second", "per_day", "connections", "scope", "domain_per_hour", "warm_up"),
        *("warm_up_began", "quiet_from", "quiet_to", "quiet_days", "quiet_zone"),
    ),
    "/studio/lists/1/sending": ("sender_id", "quiet_from", "quiet_days", "quiet_zone"),
    "/studio/account/language": ("language",),
    "/studio/account/password": ("current", "password"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_every_form_answers_hostile_input_in_words(admin, sample, kind):
    value = HOSTILE[kind]
    for path, fields in FORMS.items():
        for field in fields:
            answer = admin.post(path, {field: value})
            assert answer.status_code in {303, 401, 409, 413, 422, 429}, (path, field)
            assert "<script>alert" not in answer.text, (path, field)
            assert "<img src=x" not in answer.text, (path, field)
    assert admin.get("/studio/").status_code == 200


@pytest.mark.parametrize("kind", HOSTILE)
def test_every_filter_of_the_search_answers_hostile_input_in_words(admin, sample, kind):
    for name in ("query", "tag", "field", "value", "list", "status", "source", "since", "until"):
        for path in ("subscribers", "bulk/new", "exports/new"):
            values = {"scope": "found", "field": "company", name: HOSTILE[kind]}
            answer = admin.get(f"/studio/{path}", query_string=values)
            assert answer.status_code in {200, 409}, (path, name)
            assert "<script>alert" not in answer.text, (path, name)
            assert "<img src=x" not in answer.text, (path, name)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_kept_is_shown_as_text(admin, sample, kind):
    """Fields filled with it one and all: what is taken is shown, and runs nowhere."""
    for path, fields in FORMS.items():
        if "account" not in path and "sign-in" not in path:
            admin.post(path, dict.fromkeys(fields, HOSTILE[kind]) | {"slug": f"ok-{kind}"})
    for path in ("/studio/lists", "/studio/lists/1", "/studio/forms", "/studio/operators"):
        page = admin.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "onerror=alert(1)>" not in page.text


def test_a_megabyte_is_too_long_and_three_are_refused_unread(admin):
    answer = admin.post("/studio/lists/new", {"imprint": "x" * 1_000_000})
    assert answer.status_code == 422
    assert "This is too long" in answer.text
    answer = admin.post("/studio/lists/new", {"imprint": "x" * 3_000_000})
    assert answer.status_code == 413
    assert "too much at once" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/studio/subscribers?tag=a%00b",
        "/studio/subscribers?q=a%00b",
        "/studio/subscribers?field=email&value=a%00b",
        "/studio/campaigns/{campaign_id}/not-mailed/people?why=a%00b",
        "/studio/bulk/new?scope=found&tag=a%00b",
        "/studio/exports/new?scope=found&tag=a%00b",
        "/studio/lists?q=%00",
        "/studio/audit?operator=%00",
        "/studio/cards?heap=%00",
    ],
)
def test_s18_no_nul_in_a_search_is_an_error_of_ours(admin, sample, path):
    assert admin.get(path.format(**sample)).status_code < 500


def test_s18_a_phones_factory_year_is_no_time_a_card_was_taken(admin, session):
    told = {"key": "k", "text": "Ida Vogt, ida@example.com", "taken_at": "-62135596800000"}
    assert admin.post("/studio/capture/send", told).status_code == 200
    taken_at = session.scalars(sa.select(CardUpload.taken_at)).one()
    assert taken_at.year > 2000


@pytest.mark.parametrize("host", ["evil.example", "news.example.org.evil.example", "evil\x00"])
def test_t16_another_host_opens_nothing_and_is_in_no_link(admin, host):
    headers = {"Host": host, "X-Forwarded-Host": host}
    answer = admin.browser.get("/studio/sign-in", headers=headers)
    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_t16_a_one_time_link_is_made_of_the_base_url(admin, sample):
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    path = f"/studio/operators/{sample['operator_id']}/link"
    answer = admin.browser.post(
        path, data={"csrf_token": admin.token()}, base_url=BASE, headers=headers
    )
    assert "https://news.example.org/studio/sign-in/" in answer.text
    assert "evil" not in answer.text


def test_a_token_of_somebody_elses_page_is_no_token(desk, anybody):
    one, other = desk(), desk("sales")
    theirs = other.token()
    answer = one.browser.post("/studio/sign-out", data={"csrf_token": theirs}, base_url=BASE)
    assert answer.status_code == 400
    assert one.get("/studio/").status_code == 200


def test_the_policy_of_scripts_is_the_strict_one(admin):
    answer = admin.get("/studio/")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "no-store" in answer.headers["Cache-Control"]
    assert " style=" not in answer.text
    assert "onclick" not in answer.text
    assert "https://cdn" not in answer.text
