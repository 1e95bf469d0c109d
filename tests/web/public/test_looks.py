"""How the pages look and read in a real browser: labels, contrast, targets, widths, keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, sync_playwright

from listmgr.kit.tokens import TokenPurpose, make_token
from tests.web.public.conftest import (
    confirm_path,
    form_values,
    unsubscribe_path,
)
from tests.web.public.test_scanners import (
    CHROMIUM,
    FLAGS,
)

# Relative luminance and contrast as WCAG 2.2 defines them, over every text that is seen.
CONTRAST = """() => {
  const lum = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const rgba = s => s.match(/[\\d.]+/g).map(Number);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
    return [255, 255, 255]; };
  const poor = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || e.closest('.trap, .unseen')) continue;
    const pair = [lum(rgba(getComputedStyle(e).color).slice(0, 3)), lum(behind(e).slice(0, 3))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) poor.push([walk.currentNode.textContent.trim(), ratio]);
  }
  return poor; }"""
SMALL_TARGETS = """() => [...document.querySelectorAll('button, .act, nav a, footer a, .quiet a')]
  .map(e => [e.textContent.trim(), e.getBoundingClientRect()])
  .filter(([, r]) => r.height < 44 || r.width < 44).map(([text]) => text)"""
UNLABELLED = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea')]
  .filter(e => !e.labels.length || !e.labels[0].textContent.trim()).map(e => e.name)"""
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def paths(client, notice, campaign_mail, work, mailbox, settings) -> dict[str, str]:
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    return {
        "front": "/",
        "sign up": "/s/news",
        "look": "/s/news/thanks",
        "embed": "/s/news/embed",
        "confirm": confirm_path(mailbox.to("anna@example.com")[0]),
        "unsubscribe": unsubscribe_path(campaign_mail),
        "preferences": unsubscribe_path(campaign_mail).replace("/u/", "/p/"),
        "test mail": "/u/" + make_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, 1, 0),
        "nobody": "/u/" + make_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, 1, 999),
        "not found": "/c/none",
    }


def sound(page: Page, where: str) -> None:
    """What holds on every page."""
    page.wait_for_load_state("load")
    assert page.evaluate(CONTRAST) == [], where
    assert page.evaluate(SMALL_TARGETS) == [], where
    assert page.evaluate(UNLABELLED) == [], where
    assert page.evaluate(SIDEWAYS) <= 0, where
    assert page.locator("h1").count() == 1, where
    assert page.locator("main").count() == 1, where
    assert page.title() != "", where
    assert page.get_attribute("html", "lang") in {"de", "en"}, where


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_every_page_and_state_reads_well(paths, site, width, scheme):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            viewport={"width": width, "height": 700}, color_scheme=scheme, locale="de-DE"
        )
        for name, path in paths.items():
            page.goto(site + path)
            sound(page, name)
        page.goto(site + paths["sign up"])
        page.get_by_role("button").click()
        sound(page, "mistakes")
        page.goto(f"{site}{paths['sign up']}?lang=en")
        page.get_by_label("E-mail address").fill("anna@gmial.com")
        page.get_by_role("checkbox").check()
        page.get_by_role("button").click()
        sound(page, "hint")
        for name in ("confirm", "unsubscribe", "preferences"):
            page.goto(site + paths[name])
            if page.get_by_role("button").count():
                page.get_by_role("button").first.click()
            sound(page, f"after {name}")
        browser.close()


def test_the_whole_way_by_keyboard_alone(paths, site, work, mailbox):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(locale="de-DE")
        page.goto(site + paths["sign up"])
        page.keyboard.press("Tab")
        page.keyboard.type("emil@example.com")
        # Name, name, box; the trap is not among the stops.
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.get_by_role("checkbox").is_checked()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert (
            page.get_by_role("heading", level=1).inner_text() == "Bitte sehen Sie in Ihr Postfach"
        )
        work()
        page.goto(site + confirm_path(mailbox.to("emil@example.com")[0]))
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.get_by_role("heading", level=1).inner_text() == "Sie sind angemeldet"
        browser.close()


def test_a_mistake_is_announced_and_leads_to_its_field(paths, site):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(locale="de-DE")
        page.goto(site + paths["sign up"])
        page.get_by_role("button").click()
        summary = page.get_by_role("alert")
        assert summary.evaluate("e => e === document.activeElement")
        assert page.title().startswith("Bitte prüfen:")
        summary.get_by_role("link").first.click()
        field = page.get_by_label("E-Mail-Adresse")
        assert field.evaluate("e => e === document.activeElement")
        assert field.get_attribute("aria-invalid") == "true"
        said = page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
        assert said == "Bitte geben Sie Ihre E-Mail-Adresse ein."
        browser.close()
