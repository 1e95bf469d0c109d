"""Business cards on a phone: photographed, reviewed, asked, confirmed; and without network."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Place
from tests.browser.test_journey import SHOTS, mails, wait_for_mail, watched
from tests.cards.corrections import (
    VCARD,
    codes,
)

PHONE = {"viewport": {"width": 375, "height": 812}, "is_mobile": True, "has_touch": True}
ASK = "Die eine Bestätigungsmail senden"
STATEMENT = "Sie sagte am Freitag am Stand: „Schicken Sie mir bitte Ihren Lindenbrief.“"


def photo(address: str) -> dict[str, object]:
    """A photo of a card with a QR code on it."""
    return {"name": "IMG_0001.png", "mimeType": "image/png", "buffer": codes(address)}


@pytest.fixture(scope="module")
def signed_in(place: Place, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookie of a member of the team; the link that gives it works once."""
    team = chromium.new_context(locale="de-DE")
    page = team.new_page()
    page.goto(place.sign_in)
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("navigation")).to_be_visible()
    kept = tmp_path_factory.mktemp("team") / "cookies.json"
    team.storage_state(path=kept)
    team.close()
    return kept


@pytest.fixture
def phone(chromium: Browser, signed_in: Path) -> Iterator[BrowserContext]:
    made = chromium.new_context(locale="de-DE", storage_state=signed_in, **PHONE)
    yield made
    made.close()


def look(page: Page, name: str) -> None:
    """At phone size first: nothing is wider than the screen."""
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"cards-{name}-375.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375, f"{name} is {wide} wide on a phone"


def take(page: Page, place: Place, address: str) -> None:
    """Photograph, hand in, and wait until it has been read."""
    page.goto(f"{place.site}/studio/cards/new")
    page.set_input_files("#photo", [photo(address)])
    page.fill("#occasion", "Buchmesse 2026")
    page.fill("#said", "möchte das Herbstprogramm")
    look(page, "new")
    page.get_by_role("button", name="Abgeben").click()
    row = page.locator(".card-rows a", has_text=address)
    expect(row).to_be_visible(timeout=60_000)
    look(page, "inbox")
    row.click()


def keep(page: Page, address: str) -> None:
    expect(page.locator("#address")).to_have_value(address)
    expect(page.locator("#first_name")).to_have_value("Zoë")
    expect(page.locator("#company")).to_have_value("Linde GmbH")
    expect(page.locator(".card-picture")).to_be_visible()
    look(page, "review")
    page.get_by_role("button", name="Karte behalten").click()
    expect(page.get_by_role("button", name=ASK)).to_have_count(0)
    look(page, "kept")


@pytest.mark.timeout(240)
def test_l25_photograph_review_ask_mail_confirm(
    place: Place, chromium: Browser, phone: BrowserContext
):
    address = "zoe@buchmesse.example"
    page, wrong = watched(phone, place.site)
    take(page, place, address)
    keep(page, address)
    page.locator("#purpose").select_option(index=1)
    page.fill("#statement", STATEMENT)
    page.get_by_role("button", name="Meine Erklärung speichern").click()
    page.get_by_role("button", name=ASK).click()
    expect(page.get_by_text("Eine Erinnerung gibt es nicht.").first).to_be_visible()
    look(page, "asked")

    mail = wait_for_mail(place, address)
    visitor = chromium.new_context(locale="de-DE", java_script_enabled=False, **PHONE)
    theirs, their_wrong = watched(visitor, place.site, place.mailbox)
    theirs.goto(f"{place.mailbox}/mail/{mail['id']}")
    text = theirs.locator("pre").inner_text()
    assert STATEMENT not in text
    link = re.search(rf"{re.escape(place.site)}/c/[\w.-]+", text)
    assert link is not None
    theirs.goto(link[0])
    theirs.get_by_role("button", name="Ja").click()
    expect(theirs.get_by_role("heading", level=1)).to_contain_text("angemeldet")
    visitor.close()

    page.goto(f"{place.site}/studio/cards?heap=confirmed")
    page.locator(".card-rows a", has_text=address).click()
    expect(page.get_by_text("von der Person aus ihrem Postfach bestätigt")).to_be_visible()
    look(page, "confirmed")
    page.get_by_role("link", name="Zur Abonnentin").click()
    history = page.locator("main")
    for told in (
        address,
        "Kam über eine Visitenkarte",
        "Buchmesse 2026",
        "fotografiert",
        STATEMENT,
    ):
        expect(history).to_contain_text(told)
    look(page, "subscriber")
    assert wrong == []
    assert their_wrong == []


@pytest.mark.timeout(240)
def test_l23_without_a_statement_no_button_and_no_campaign(place: Place, phone: BrowserContext):
    address = "ohne@buchmesse.example"
    page, wrong = watched(phone, place.site)
    take(page, place, address)
    keep(page, address)
    page.goto(f"{place.site}/studio/campaigns/new")
    page.locator("#name").fill("An alle")
    page.locator("#purpose_id").select_option(index=0)
    page.locator("#subject").fill("An alle nach der Messe")
    page.locator("#body").fill("Guten Tag!")
    page.locator("main form button.btn-primary").click()
    expect(page.locator("iframe.mail")).to_be_visible()
    page.locator("a[href$='/launch']").click()
    page.locator("form[action$='/launch'] button").click()
    expect(page.locator("#progress")).to_have_attribute("data-status", "finished", timeout=90_000)
    assert mails(place, address) == []
    assert wrong == []


@pytest.mark.timeout(180)
def test_they_sign_up_themselves_on_the_tablet(place: Place, phone: BrowserContext):
    address = "selbst@buchmesse.example"
    page, wrong = watched(phone, place.site)
    take(page, place, address)
    keep(page, address)
    page.get_by_role("button", name="Zeigen").click()
    expect(page.locator("img.qr")).to_be_visible()
    look(page, "sign-up")
    page.get_by_role("link", name="Auf diesem Gerät öffnen").click()
    assert address not in page.url
    expect(page.locator("input[name=address]")).to_have_value(address)
    for box in page.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
    page.get_by_role("checkbox").first.check()
    time.sleep(2.1)
    page.get_by_role("button", name="Anmelden").click()
    wait_for_mail(place, address)
    page.goto(f"{place.site}/studio/cards?heap=asked")
    expect(page.locator(".card-rows")).to_contain_text(address)
    assert wrong == []


def waiting(page: Page) -> int:
    return page.locator("#waiting li").count()


def ready(page: Page, place: Place) -> None:
    page.goto(f"{place.site}/studio/capture/")
    kept = (
        "async () => { await navigator.serviceWorker.ready;"
        " return (await caches.keys()).some((name) => name.startsWith('cards-')); }"
    )
    # Asked from outside: a page of ours runs no text as a script, which waiting inside would need.
    end = time.monotonic() + 60
    while not page.evaluate(kept):
        assert time.monotonic() < end, "the worker has not kept the pages"
        page.wait_for_timeout(100)
    expect(page.locator("#none")).to_be_visible()


@pytest.mark.timeout(180)
def test_cards_of_a_hall_without_network_are_kept_and_sent_later(
    place: Place, phone: BrowserContext
):
    page = phone.new_page()
    ready(page, place)
    page.fill("#occasion", "Halle 4")
    look(page, "pocket")
    phone.set_offline(True)
    page.set_input_files("#picture", [photo("halle@buchmesse.example")])
    expect(page.locator("#waiting li")).to_have_count(1)
    page.get_by_role("button", name="Tippen").click()
    page.fill("#text", VCARD.format(address="getippt@buchmesse.example"))
    page.fill("#said", "am Abend getroffen")
    page.get_by_role("button", name="Behalten").click()
    expect(page.locator("#waiting li")).to_have_count(2)
    expect(page.locator("#network")).to_have_text("kein Netz")
    expect(page.locator("#waiting")).to_contain_text("wartet auf das Netz")
    look(page, "pocket-waiting")

    # The phone is switched off in between: the page opens without network, with all that waits.
    page.reload()
    expect(page.locator("#waiting li")).to_have_count(2)
    expect(page.locator("#occasion")).to_have_value("Halle 4")

    phone.set_offline(False)
    expect(page.locator("#waiting li")).to_have_count(0, timeout=30_000)
    expect(page.locator("#sent-count")).to_have_text("2")
    page.goto(f"{place.site}/studio/cards")
    for address in ("halle@buchmesse.example", "getippt@buchmesse.example"):
        expect(page.locator(".card-rows a", has_text=address)).to_have_count(1, timeout=60_000)
    page.locator(".card-rows a", has_text="getippt@buchmesse.example").click()
    for told in ("Halle 4", "am Abend getroffen"):
        expect(page.locator("main")).to_contain_text(told)


@pytest.mark.timeout(180)
def test_a_lost_answer_doubles_nothing(place: Place, phone: BrowserContext):
    page = phone.new_page()
    ready(page, place)
    arrived = []

    def lose(route) -> None:
        arrived.append(route.fetch().status)
        route.abort()

    page.route("**/capture/send", lose)
    page.set_input_files("#picture", [photo("einmal@buchmesse.example")])
    expect(page.locator("#waiting li")).to_have_count(1)
    page.wait_for_timeout(1000)
    assert arrived[0] == 200
    assert waiting(page) == 1
    page.unroute("**/capture/send")
    page.get_by_role("button", name="Jetzt senden").click()
    expect(page.locator("#waiting li")).to_have_count(0)
    page.goto(f"{place.site}/studio/cards")
    row = page.locator(".card-rows a", has_text="einmal@buchmesse.example")
    expect(row).to_have_count(1, timeout=60_000)
    row.click()
    expect(page.locator("dt", has_text="Aufgenommen von")).to_have_count(1)


@pytest.mark.timeout(180)
def test_an_ended_session_keeps_the_card_and_asks_to_sign_in(place: Place, phone: BrowserContext):
    page = phone.new_page()
    ready(page, place)
    cookies = phone.cookies()
    phone.clear_cookies()
    page.set_input_files("#picture", [photo("sitzung@buchmesse.example")])
    expect(page.locator("#sign-in")).to_be_visible()
    expect(page.locator("#waiting")).to_contain_text("wartet auf Ihre Anmeldung")
    look(page, "pocket-signed-out")
    phone.add_cookies(cookies)
    page.get_by_role("button", name="Jetzt senden").click()
    expect(page.locator("#waiting li")).to_have_count(0)
    expect(page.locator("#sign-in")).to_be_hidden()
