"""Where a browser reads no codes by itself the page says so, and a photo of the code does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import FLAGS, Place
from tests.browser.test_cards import PHONE, look, photo, ready, signed_in
from tests.browser.test_journey import watched

__all__ = ["signed_in"]
# The reader's interface without any reader behind it: some browsers and systems are like that.
READS_NOTHING = "--enable-blink-features=BarcodeDetector"
CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
FORMATS = "'BarcodeDetector' in window ? BarcodeDetector.getSupportedFormats() : null"


@pytest.fixture(params=[None, []], ids=["no reader", "a reader of nothing"])
def browser(
    request: pytest.FixtureRequest, chromium: Browser, chromium_path: str
) -> Iterator[tuple[Browser, object]]:
    """Chromium with a camera, and what its reader says that it reads."""
    flags = [*FLAGS, *CAMERA, *([] if request.param is None else [READS_NOTHING])]
    made = chromium.browser_type.launch(executable_path=chromium_path, args=flags)
    yield made, request.param
    made.close()


@pytest.mark.timeout(180)
def test_without_a_reader_of_codes_the_page_says_so_and_a_photo_of_the_code_is_read(
    place: Place, browser: tuple[Browser, object], signed_in
):
    launched, formats = browser
    address = f"{'nichts' if formats is None else 'keine'}@live.example"
    context = launched.new_context(locale="de-DE", storage_state=signed_in, **PHONE)
    page, wrong = watched(context, place.site)
    ready(page, place)
    assert page.evaluate(FORMATS) == formats
    expect(page.locator("#by-photo")).to_contain_text("Dieser Browser kann QR-Codes nicht live")
    expect(page.locator("#scan")).to_be_hidden()
    look(page, "no-live-scan")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Fotografieren Sie den Code").click()
    chooser.value.set_files([photo(address)])
    expect(page.locator("#sent-count")).to_have_text("1")
    page.goto(f"{place.site}/studio/cards")
    row = page.locator(".card-rows a", has_text=address)
    expect(row).to_be_visible(timeout=60_000)
    assert wrong == []
    context.close()
