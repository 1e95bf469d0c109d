"""The studio's pages before axe, light and dark, and a focused field that looks like a field."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.conftest import Place
from tests.browser.test_journey import watched

PAGES = (
    *("", "campaigns", "campaigns/new", "campaigns/1", "subscribers"),
    *("subscribers?query=a&status=confirmed", "bulk/new?scope=found", "exports/new?scope=found"),
    *("imports", "imports/new", "segments", "lists", "forms", "fields", "cards", "senders"),
    *("operators", "account", "audit"),
)


@pytest.mark.timeout(240)
def test_b10_b11_axe_finds_no_fault(place: Place, chromium: Browser):
    context = chromium.new_context(locale="de-DE")
    page, _wrong = watched(context, place.site)
    page.goto(place.sign_in)
    page.locator("main button").first.click()
    faults = []
    for name in PAGES:
        page.goto(f"{place.site}/studio/{name}")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(400)  # Bootstrap's buttons change colour by and by.
            faults += [
                (name, scheme, found["id"], node["html"][:100])
                for found in Axe().run(page).response["violations"]
                if found["impact"] in {"critical", "serious"}
                for node in found["nodes"]
            ]
    assert faults == []
    context.close()


def test_b09_a_focused_field_keeps_the_colour_of_a_field(place: Place, chromium: Browser):
    ground = "(one) => getComputedStyle(one).backgroundColor"
    for scheme in ("light", "dark"):
        context = chromium.new_context(locale="de-DE", color_scheme=scheme)
        page, _wrong = watched(context, place.site)
        page.goto(f"{place.site}/studio/sign-in")
        email, password = page.locator("input[type=email]"), page.locator("input[type=password]")
        email.focus()
        page.wait_for_timeout(400)  # Bootstrap's fields change colour by and by.
        focused, resting = email.evaluate(ground), password.evaluate(ground)
        assert focused == resting, scheme
        context.close()
