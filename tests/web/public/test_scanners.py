"""Programs that follow every link of a mail, some with a whole browser: nothing happens by them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import sync_playwright

from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token
from tests.factories import make_confirmed
from tests.web.public.conftest import (
    form_values,
    links,
    path_of,
)

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture
def every_link(client, campaign_mail, notice, work, mailbox, uow) -> list[str]:
    """The links of every kind of mail the product sends, as paths of this site."""
    with uow() as tx:
        make_confirmed(tx, "dora@example.com", notice, now())
        tx.session.connection().exec_driver_sql("DELETE FROM service_mails")
    for language in ("de", "en"):
        client.post(f"/s/news?lang={language}", data=form_values(notice, f"{language}@example.com"))
    client.post("/s/news?lang=de", data=form_values(notice, "dora@example.com"))
    work()
    mails = [campaign_mail, *(mailbox.to(to)[0] for to in ("de@example.com", "en@example.com"))]
    [already] = mailbox.to("dora@example.com")
    found = {path_of(link) for mail in (*mails, already) for link in links(mail)}
    assert {path[:3] for path in found} >= {"/c/", "/u/"}
    token = make_token(uow_settings(uow), TokenPurpose.PREFERENCES, 1)
    return sorted({*found, f"/p/{token}", "/s/news", "/s/news/thanks", "/s/news/embed"})


def uow_settings(uow) -> tuple[str, ...]:
    with uow() as tx:
        return tx.settings.secret_keys


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_t01_reading_every_link_of_every_mail_changes_nothing(
    client, every_link, fingerprint, method
):
    before = fingerprint()
    for path in every_link:
        for _ in range(2):
            client.open(path, method=method)
            client.open(f"{path}/not-me", method=method)
            client.open(
                f"{path}?by=page&leave=1&everything=1&List-Unsubscribe=One-Click", method=method
            )
    assert fingerprint() == before


def test_t01_the_checksum_would_see_a_change(client, every_link, fingerprint):
    before = fingerprint()
    client.post(next(path for path in every_link if path.startswith("/u/")))
    assert fingerprint() != before


def test_t02_a_browser_that_runs_scripts_and_waits_changes_nothing(every_link, fingerprint, site):
    before = fingerprint()
    outside: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(locale="de-DE")
        page.on("request", lambda asked: outside.append(asked.url))
        methods: list[str] = []
        page.on("request", lambda asked: methods.append(asked.method))
        for path in every_link:
            if not re.match(r"/(c|u|p|s)/", path):
                continue
            answer = page.goto(site + path, wait_until="networkidle")
            assert answer is not None
            assert answer.status == 200
            page.wait_for_timeout(700)
            assert page.locator("script").count() == 0
            assert (
                page.evaluate(
                    "document.querySelectorAll('[onload],[onclick],meta[http-equiv]').length"
                )
                == 0
            )
        assert browser.contexts[0].cookies() == []
        browser.close()
    assert set(methods) == {"GET"}
    assert {url for url in outside if not url.startswith(site)} == set()
    assert fingerprint() == before
