"""Two tabs with two searches in a real browser: each acts on its own people."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Place
from tests.browser.test_journey import shoot, watched


def find(page: Page, query: str) -> str:
    """Search in the page's own form; the number found, as it is said."""
    page.fill("#query", query)
    page.keyboard.press("Enter")
    expect(page.locator(".chip").first).to_contain_text(query)
    return re.sub(r"\D", "", page.locator("[role=status]").inner_text())


@pytest.mark.timeout(120)
def test_b01_b05_two_tabs_act_on_their_own_people(place: Place, chromium: Browser):
    context = chromium.new_context(locale="en-GB")
    first, wrong = watched(context, place.site)
    first.goto(place.sign_in)
    first.locator("main button").first.click()
    first.goto(f"{place.site}/studio/subscribers")
    names = [name for name in first.locator("tbody td:nth-child(3)").all_inner_texts() if name]
    one, other = names[0].split()[0], next(n for n in names if n.split()[0] != names[0].split()[0])
    number = find(first, one)
    second = context.new_page()
    second.goto(f"{place.site}/studio/subscribers")
    find(second, other.split()[0])
    shoot(second, "search")
    first.locator("button[formaction$='/bulk/new']").click()
    expect(first.locator(".lead-count")).to_contain_text(f"„{one}“")
    assert re.sub(r"\D", "", first.locator(".lead-count strong").inner_text()) == number
    shoot(first, "bulk-new")
    first.locator("#kind-add_tags").check()
    first.fill("#tags", "fair")
    first.locator("main form.form button").click()
    expect(first.locator("#progress")).to_have_attribute("data-status", "ready", timeout=30_000)
    expect(first.locator(".lead-count")).to_contain_text(f"„{one}“")
    shoot(first, "bulk-ready")
    # The other tab searches on: this one does what it says, to those it says.
    find(second, one)
    first.locator("form[action$='/start'] button").click()
    expect(first.locator("#progress")).to_have_attribute("data-status", "finished", timeout=30_000)
    # The menu starts afresh, and a chip takes its filter away.
    second.locator("#menu a[href$='/studio/subscribers']").click()
    expect(second.locator("#query")).to_have_value("")
    expect(second.locator(".chip")).to_have_count(0)
    find(second, one)
    second.locator(".chip").click()
    expect(second.locator(".chip")).to_have_count(0)
    assert wrong == []
    context.close()
