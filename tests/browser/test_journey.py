"""The whole story in a real browser: sign up, mailbox, confirm, campaign, leave."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Place

GUEST = "gast@besuch.example"
SHOTS = Path("/tmp/listmgr-shots")


def watched(context: BrowserContext, *hosts: str) -> tuple[Page, list[str]]:
    """A page whose console errors and requests to elsewhere are kept."""
    page, wrong = context.new_page(), []
    page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    page.on(
        "response",
        lambda got: wrong.append(f"{got.status} {got.url}") if got.status >= 400 else None,
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((*hosts, "data:")) else wrong.append(asked.url),
    )
    return page, wrong


def mails(place: Place, to: str, subject: str = "") -> list[dict[str, str]]:
    with urllib.request.urlopen(f"{place.mailbox}/api/messages?to={to}") as answer:
        return [mail for mail in json.loads(answer.read()) if subject in mail["subject"]]


def wait_for_mail(place: Place, to: str, subject: str = "") -> dict[str, str]:
    end = time.monotonic() + 30
    while not (found := mails(place, to, subject)) and time.monotonic() < end:
        time.sleep(0.2)
    assert found, f"no mail about {subject!r} came for {to}"
    return found[0]


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(200)  # Bootstrap's buttons change colour by and by.
            page.screenshot(path=SHOTS / f"{name}-{theme}-{width}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide on a screen of {width}"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.timeout(240)
def test_from_sign_up_to_leaving(place: Place, chromium: Browser):
    visitor = chromium.new_context(locale="de-DE", java_script_enabled=False)
    page, wrong = watched(visitor, place.site, place.mailbox)

    page.goto(f"{place.site}/s/lindenhof")
    for box in page.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
    page.locator("input[name=address]").fill(GUEST)
    page.locator("input[name=first_name]").fill("Zoë")
    for box in page.get_by_role("checkbox").all()[:2]:
        box.check()
    time.sleep(2.1)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Postfach")

    mail = wait_for_mail(place, GUEST)
    page.goto(f"{place.mailbox}/mail/{mail['id']}")
    link = re.search(rf"{re.escape(place.site)}/c/[\w.-]+", page.locator("pre").inner_text())
    assert link is not None
    page.goto(link[0])
    page.get_by_role("button", name="Ja").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("angemeldet")
    assert visitor.cookies() == []
    assert wrong == []

    _send_a_campaign(place, chromium)

    sent = wait_for_mail(place, GUEST, "Aus dem Browser")
    page.goto(f"{place.mailbox}/mail/{sent['id']}")
    header = page.locator("dd", has_text="/u/").first.inner_text()
    leave = header.strip("<>")
    page.goto(leave)
    expect(
        page.get_by_role("button", name=re.compile("abmelden", re.IGNORECASE)).first
    ).to_be_visible()
    page.get_by_role("button", name=re.compile("abmelden", re.IGNORECASE)).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("abgemeldet")

    page.goto(leave.replace("/u/", "/p/"))
    rows = page.locator("main .rows li")
    expect(rows).to_have_count(1)
    rows.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("abgemeldet")
    expect(rows).to_have_count(0)
    assert wrong == []
    visitor.close()


def _send_a_campaign(place: Place, chromium: Browser) -> None:
    """Signed in by the link `listmgr demo` printed, a marketer writes and launches."""
    team = chromium.new_context(locale="de-DE")
    page, wrong = watched(team, place.site)
    page.goto(place.sign_in)
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("navigation")).to_be_visible()
    page.goto(f"{place.site}/studio/")
    shoot(page, "dashboard")
    for name in ("campaigns", "lists", "forms", "subscribers", "operators", "audit", "account"):
        page.goto(f"{place.site}/studio/{name}")
        shoot(page, name)
    page.goto(f"{place.site}/studio/subscribers")
    page.locator("main table a").first.click()
    shoot(page, "subscriber")
    page.goto(f"{place.site}/studio/campaigns/new")
    page.locator("#name").fill("Browser")
    page.locator("#purpose_id").select_option(index=0)
    page.locator("#subject").fill("Aus dem Browser für {{ first_name }}")
    page.locator("#body").fill("# Guten Tag\n\nHallo {{ first_name }}!")
    shoot(page, "campaign-edit")
    page.locator("main form button.btn-primary").click()
    expect(page.locator("iframe.mail")).to_be_visible()
    shoot(page, "campaign-draft")
    page.locator("a[href$='/launch']").click()
    expect(page.locator(".lead-count strong")).not_to_be_empty()
    shoot(page, "campaign-launch")
    page.locator("form[action$='/launch'] button").click()
    expect(page.locator("#progress")).to_have_attribute("data-status", "finished", timeout=40_000)
    shoot(page, "campaign-done")
    assert wrong == []
    team.close()


@pytest.mark.timeout(120)
def test_t02_a_scanner_that_runs_scripts_and_waits_changes_nothing(place: Place, chromium: Browser):
    scanner = chromium.new_context(locale="de-DE")
    page, wrong = watched(scanner, place.site, place.mailbox)
    page.goto(f"{place.site}/s/lindenhof")
    assert page.locator("script").count() == 0
    page.locator("input[name=address]").fill("scan@besuch.example")
    page.get_by_role("checkbox").first.check()
    time.sleep(2.1)
    page.get_by_role("button", name="Anmelden").click()
    mail = wait_for_mail(place, "scan@besuch.example")
    page.goto(f"{place.mailbox}/mail/{mail['id']}")
    link = re.search(rf"{re.escape(place.site)}/c/[\w.-]+", page.locator("pre").inner_text())
    assert link is not None
    for _ in range(2):
        page.goto(link[0])
        page.wait_for_timeout(3000)
    expect(page.get_by_role("button", name="Ja")).to_be_visible()
    assert wrong == []
    scanner.close()
