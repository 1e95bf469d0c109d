"""The studio on a telephone: no page and no table is wider than the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Place
from tests.browser.test_journey import SHOTS, watched

WIDTH = 375
# Whatever can be moved sideways with a finger, but for what is meant to be.
SCROLLS = """[...document.querySelectorAll("main *")].filter(one =>
  ["auto", "scroll"].includes(getComputedStyle(one).overflowX)
  && one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML.slice(0, 120))"""


def fits(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"phone-{name}-{WIDTH}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= WIDTH, f"{name} is {wide} wide"
    assert page.evaluate(SCROLLS) == [], name


@pytest.mark.timeout(120)
def test_people_are_compared_and_cards_reviewed_on_a_phone(place: Place, chromium: Browser):
    context = chromium.new_context(locale="de-DE", viewport={"width": WIDTH, "height": 800})
    page, wrong = watched(context, place.site)
    page.goto(place.sign_in)
    page.locator("main button").first.click()
    page.goto(f"{place.site}/studio/subscribers")
    people = page.locator("main table a").all_inner_texts()
    with page.expect_navigation() as followed:
        page.locator("main table a").first.click()
    # The browser says that our own page asked for it (decision 0089).
    assert followed.value.headers["content-encoding"] == "gzip"
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    fits(page, "person")
    page.locator("form[action$='/joining'] input[name=address]").fill(people[1])
    page.locator("form[action$='/joining'] button").last.click()
    expect(page.locator("form[action$='/join']")).to_be_visible()
    fits(page, "join")
    for name, path in (("cards", "cards"), ("card", "cards/2"), ("campaign", "campaigns/1")):
        page.goto(f"{place.site}/studio/{path}")
        fits(page, name)
    assert wrong == []
