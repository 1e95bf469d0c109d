"""Access, restriction and erasure for somebody known by a business card alone, on a phone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Place
from tests.browser.test_cards import PHONE, look, signed_in
from tests.browser.test_journey import watched

__all__ = ["signed_in"]
IDA = "ida@theater.example"


def find(page: Page, place: Place, query: str) -> None:
    page.goto(f"{place.site}/studio/subscribers")
    page.fill("#query", query)
    page.get_by_role("button", name="Suchen").click()


@pytest.mark.timeout(180)
def test_l31_l32_l33_an_officer_answers_who_is_known_by_a_card_alone(
    place: Place, chromium: Browser, signed_in: Path
):
    context = chromium.new_context(
        locale="de-DE", storage_state=signed_in, accept_downloads=True, **PHONE
    )
    page, wrong = watched(context, place.site)
    page.goto(f"{place.site}/studio/cards/type")
    page.fill("#address", IDA)
    page.fill("#last_name", "Ihsen")
    page.fill("#occasion", "Premiere")
    page.fill("#said", "wünscht das Programmheft")
    page.locator("main form button.btn-primary").click()
    expect(page.locator("#address")).to_have_value(IDA)

    find(page, place, "ida@th")
    found = page.get_by_role("region", name="Durch eine Visitenkarte bekannt")
    for told in ("kein Abonnement", "von Hand getippt", "Premiere"):
        expect(found).to_contain_text(told)
    look(page, "found")
    found.get_by_role("link", name=IDA).click()

    access = page.get_by_role("region", name="Auskunft (Artikel 15 und 20)")
    access.get_by_role("combobox").select_option("letter")
    with page.expect_download() as fetched:
        access.get_by_role("button").click()
    told = json.loads(Path(fetched.value.path()).read_text())
    assert told["business_cards"][0]["taken"][0]["said"] == "wünscht das Programmheft"

    page.get_by_role("button", name="Einschränken").click()
    expect(page.locator(".alert-warning")).to_contain_text("Verarbeitung ist seit")
    expect(page.get_by_role("button", name="Karte behalten")).to_have_count(0)
    look(page, "restricted")
    page.goto(f"{place.site}/studio/cards")
    expect(page.locator("main")).not_to_contain_text(IDA)
    page.get_by_role("link", name="Eingeschränkt").click()
    page.locator(".card-rows a", has_text=IDA).click()
    page.locator("#told").select_option("mail")
    page.get_by_role("button", name="Einschränkung aufheben").click()
    expect(page.get_by_role("button", name="Karte behalten")).to_be_visible()

    page.get_by_role("link", name="Diese Person löschen").click()
    look(page, "erase")
    page.locator("main select").select_option("letter")
    page.get_by_role("button", name="Endgültig löschen").click()
    find(page, place, IDA)
    expect(page.locator("main")).to_contain_text("Niemand gefunden")
    assert wrong == []
    context.close()
