"""Hostile hosts, fields, tokens and logs."""

from __future__ import annotations

import logging
import re

import pytest
import redis
import sqlalchemy as sa

from listmgr.consent.models import Signup
from listmgr.kit.tokens import TokenPurpose, make_token
from listmgr.subscribers.models import Subscriber
from listmgr.web.security import NoTokens
from tests.web.public.conftest import (
    confirm_path,
    form_values,
    links,
)

EVIL = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Server": "evil.example",
    "X-Original-Host": "evil.example",
    "Forwarded": "host=evil.example;proto=http",
    "X-Forwarded-Prefix": "/evil",
}


def test_t16_forwarded_hosts_do_not_reach_the_link_in_the_mail(client, notice, work, mailbox):
    sent = client.post("/s/news", data=form_values(notice), headers=EVIL)
    assert sent.status_code == 303
    assert "evil" not in sent.location
    work()
    [mail] = mailbox.to("anna@example.com")
    assert "evil" not in mail.as_string()
    assert {link.split("/")[2] for link in links(mail)} == {"news.example.org"}
    assert "evil" not in client.get("/s/news/embed.txt", headers=EVIL).text


@pytest.mark.parametrize(
    "host", ["evil.example", "news.example.org.evil.example", "a@evil.example"]
)
def test_t16_a_host_that_is_not_ours_is_refused(client, notice, fingerprint, host):
    before = fingerprint()
    for answer in (
        client.get("/s/news", headers={"Host": host}),
        client.post("/s/news", data=form_values(notice), headers={"Host": host}),
    ):
        assert answer.status_code == 400
        assert host not in answer.text
    assert fingerprint() == before


CONTROLS = [chr(n) for n in (0, 1, 7, 8, 10, 13, 27, 127, 0x85, 0x2028, 0x2029, 0x202E, 0xFEFF)]
HOSTILE = [
    *CONTROLS,
    "\r\nBcc: victim@example.org",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "=HYPERLINK(1)",
    "'; DROP TABLE subscribers; --",
    "é" * 500,
    "x" * 100_000,
    "😀",
    "\ud800",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    "field", ["address", "first_name", "last_name", "notice", "began", "meant"]
)
def test_t17_no_field_breaks_a_page_a_row_or_a_header(
    client, notice, work, mailbox, session, field, hostile
):
    values = form_values(notice)
    values[field] = f"{values.get(field, '')}{hostile}"
    encoded = {name: value.encode("utf-8", "surrogatepass") for name, value in values.items()}
    answer = client.post("/s/news", data=encoded)
    assert answer.status_code in {303, 422}
    assert "<script>" not in answer.text
    work()
    for _to, octets in mailbox.mails:
        head = octets.partition(b"\r\n\r\n")[0]
        assert b"Bcc" not in head
        assert b"alert" not in octets
    for found in session.scalars(sa.select(Subscriber)):
        assert found.first_name.isprintable()
        assert found.last_name.isprintable()
        assert len(found.first_name) <= 300
        assert found.address_key.isprintable()


@pytest.mark.parametrize("agent", ["\x01evil", "x" * 5000, "Mozilla/5.0 {{ 7*7 }}", "\u00e9\u0085"])
def test_t17_a_hostile_user_agent_is_kept_in_bounds(client, notice, session, agent):
    sent = client.post("/s/news", data=form_values(notice), headers={"User-Agent": agent})
    assert sent.status_code == 303
    kept = session.scalars(sa.select(Signup.content)).one()["user_agent"]
    assert kept.isprintable()
    assert len(kept) <= 500


@pytest.mark.parametrize(
    "path", ["/s/%00", "/s/news%00", "/s/" + "x" * 3000, "/c/%00", "/u/%0d%0aX", "/p/%ff"]
)
def test_t17_hostile_paths_are_not_found(client, notice, path):
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 404
        assert "X" not in answer.headers


def test_a_megabyte_is_too_much_and_says_so(client, notice):
    values = form_values(notice, first_name="x" * 3_000_000)
    answer = client.post("/s/news", data=values, headers={"Accept-Language": "de"})
    assert answer.status_code == 413
    assert "Das war zu viel Text." in answer.text


def test_smtputf8_and_idn_addresses_are_asked(client, notice, work, mailbox, names):
    names.exists("xn--mller-kva.example", MX=["10 mx.example.com."])
    for typed in ("jürgen@example.com", "anna@müller.example"):
        assert client.post("/s/news", data=form_values(notice, typed)).status_code == 303
    work()
    assert sorted(to for to, _ in mailbox.mails) == [
        "anna@xn--mller-kva.example",
        "jürgen@example.com",
    ]


@pytest.fixture
def doors(client, notice, work, mailbox, settings) -> dict[str, str]:
    """A genuine path for each door."""
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    keys = settings.secret_keys
    return {
        "c": confirm_path(mailbox.to("anna@example.com")[0]),
        "p": "/p/" + make_token(keys, TokenPurpose.PREFERENCES, 1),
        "u": "/u/" + make_token(keys, TokenPurpose.UNSUBSCRIBE, 1, 1),
    }


def test_t20_no_token_opens_another_door(client, doors, fingerprint):
    tokens = {name: path.rpartition("/")[2] for name, path in doors.items()}
    before = fingerprint()
    # An unsubscribe link leads to the preferences on purpose; the mail holds no second link.
    for door, other in (("c", "p"), ("c", "u"), ("p", "c"), ("u", "c"), ("u", "p")):
        for answer in (
            client.get(f"/{door}/{tokens[other]}"),
            client.post(f"/{door}/{tokens[other]}"),
        ):
            assert answer.status_code == 404
    assert fingerprint() == before


def test_t21_headers_of_every_page(client, doors):
    paths = [*doors.values(), "/s/news", "/s/news/thanks", "/s/news/embed", "/c/wrong", "/nothing"]
    answers = [client.get(path) for path in paths]
    answers += [client.post(path) for path in doors.values()]
    answers.append(client.post("/s/news"))
    for answer in answers:
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in answer.headers
        assert "<script" not in answer.text
        assert " on" not in " ".join(re.findall(r"<[^>]+ on[a-z]+=", answer.text))
        loaded = re.findall(
            r"<(?:link|img|iframe|source)[^>]+(?:href|src)=\"([^\"]+)\"", answer.text
        )
        assert [link for link in loaded if not link.startswith(("/static/", "data:,"))] == []


def test_t21_tokens_are_not_in_logs(client, doors, app, caplog, site):
    import urllib.request

    token = doors["c"].rpartition("/")[2]
    with caplog.at_level(logging.DEBUG):
        # The development server tells every request it answers.
        urllib.request.urlopen(
            urllib.request.Request(site + doors["c"], headers={"Host": "localhost"})
        )
        # Flask names the path of what crashed.
        app.testing = False
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.view_functions["public.confirm_signup"] = lambda token: 1 / 0
        assert client.post(doors["c"]).status_code == 500
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "/c/… HTTP/1.1" in told
    assert "Exception on /c/…" in told
    assert token not in told
    assert "anna@example.com" not in told


def test_t21_gunicorns_access_log_is_cleaned(app):
    record = logging.LogRecord(
        "gunicorn.access",
        logging.INFO,
        "",
        0,
        '%(h)s "%(r)s" %(s)s',
        ({"h": "127.0.0.1", "r": "POST /u/abc.def?by=page HTTP/1.1", "s": "200"},),
        None,
    )
    assert any(
        isinstance(found, NoTokens) for found in logging.getLogger("gunicorn.access").filters
    )
    assert NoTokens().filter(record)
    assert record.getMessage() == '127.0.0.1 "POST /u/…?by=page HTTP/1.1" 200'


def test_a_database_that_is_away_is_said_and_costs_nothing(app_with):
    away = app_with(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    answer = away.test_client().get("/s/news", headers={"Accept-Language": "de"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "einen Augenblick nicht erreichbar" in answer.text


def test_a_wrong_method_says_which_are_right(client, doors):
    answer = client.put(doors["u"])
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/s/news", "/studio/sign-in", "/robots.txt", "/nothing"])
def test_s25_https_is_kept_and_the_studio_is_nobody_elses(app_with, notice, path):
    client = app_with(base_url="https://news.example.org").test_client()
    answer = client.get(path, base_url="https://news.example.org")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    inside = path.startswith("/studio")
    assert answer.headers["Cross-Origin-Resource-Policy"] == (
        "same-origin" if inside else "cross-origin"
    )


def test_s25_without_https_nothing_is_promised(app_with):
    answer = app_with(base_url="http://localhost").test_client().get("/")
    assert "Strict-Transport-Security" not in answer.headers


def test_s23_no_address_of_a_visitor_stands_in_valkey(client, notice, settings):
    client.post("/s/news", data={}, environ_base={"REMOTE_ADDR": "198.51.100.77"})
    client.post("/api/v1/cards", environ_base={"REMOTE_ADDR": "198.51.100.77"})
    stored = [key.decode() for key in redis.Redis.from_url(settings.redis_url).keys("*")]
    assert [key for key in stored if "signups:" in key or "api-wrong:" in key]
    assert [key for key in stored if "198.51" in key] == []


def test_s23_no_address_or_token_of_a_visitor_stands_in_the_log(app):
    for name in ("gunicorn.error", "gunicorn.access", "werkzeug"):
        record = logging.LogRecord(name, logging.WARNING, "", 1, "%s from ip=%s", None, None)
        record.args = ("Invalid request GET /c/secret.token", "198.51.100.77")
        for found in logging.getLogger(name).filters:
            found.filter(record)
        assert record.getMessage() == "Invalid request GET /c/… from ip=…"


def test_d16_crawlers_and_browsers_get_what_they_ask_for(client):
    robots = client.get("/robots.txt")
    assert robots.mimetype == "text/plain"
    assert "Disallow: /\n" in robots.text
    with client.get("/favicon.ico", follow_redirects=True) as icon:
        assert icon.status_code == 200
        assert icon.mimetype == "image/svg+xml"
