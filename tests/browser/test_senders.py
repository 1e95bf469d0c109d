"""Senders and a campaign under a limit in a real browser: tried, limited, watched, no reload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Place
from tests.browser.test_journey import shoot, watched


@pytest.mark.timeout(240)
def test_a_limited_campaign_is_watched_while_it_goes_out(place: Place, chromium: Browser):
    page, wrong = watched(chromium.new_context(locale="en-GB"), place.site, place.mailbox)
    page.goto(place.sign_in)
    page.locator("main button").first.click()
    page.goto(f"{place.site}/studio/senders/0")
    page.get_by_role("button", name=re.compile("Check connection|Verbindung prüfen")).click()
    expect(page.locator("#trial-result")).to_contain_text("SMTPUTF8")
    shoot(page, "sender-tried")

    page.goto(f"{place.site}/studio/senders/0/pace")
    page.locator("#per_second").fill("2")
    page.locator("#per_day").fill("9000")
    page.locator("input[name=scope]").first.fill("Google")
    page.locator("input[name=domain_per_hour]").first.fill("1")
    page.locator("#warm_up").fill("2500, 5000, 10000, 20000")
    shoot(page, "sender-pace")
    page.locator("main form button.btn-primary").last.click()
    expect(page.locator("svg.plan")).to_be_visible()
    shoot(page, "sender")
    page.goto(f"{place.site}/studio/senders")
    shoot(page, "senders")
    page.goto(f"{place.site}/studio/senders/new")
    page.locator("#host").fill("a b")
    page.locator("#name").fill("Relay")
    page.locator("#envelope").fill("b@example.org")
    page.locator("#processor").fill("Post AG")
    page.locator("main form button.btn-primary").last.click()
    expect(page.locator("#host-problem")).to_be_visible()
    shoot(page, "sender-new")
    # The refused form answers 422, which the console counts as an error.
    wrong[:] = [told for told in wrong if "422" not in told]

    page.goto(f"{place.site}/studio/campaigns")
    page.locator("main table a").first.click()
    page.locator("form[action$='/copy'] button").click()
    page.locator("main form button.btn-primary").last.click()
    page.locator("a[href$='/launch']").click()
    page.locator("form[action$='/launch'] button").click()
    remaining = page.locator("#progress .tiles dd").first
    expect(page.locator("#progress")).to_contain_text(re.compile(r"/ 2[.,]500"), timeout=20_000)
    before = remaining.inner_text()
    page.evaluate("window.stays = 1")
    expect(remaining).not_to_have_text(before, timeout=90_000)
    assert page.evaluate("window.stays") == 1, "it was loaded anew"
    shoot(page, "progress")
    page.locator("form[action$='/pause'] button").click()
    expect(page.locator("form[action$='/resume']")).to_be_visible()
    assert wrong == []
