"""The pages of the development mailbox, in the language of whoever looks into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from listmgr.runtime.mailbox import Store, viewer

MAIL = b"Subject: Neues\r\n\r\nGuten Tag\r\n"


@pytest.mark.parametrize(
    ("spoken", "empty", "search", "source"),
    [
        ("de", "Noch nichts.", "Suchen", "Quelltext"),
        ("en", "Nothing yet.", "Search", "Source"),
        ("fr", "Nothing yet.", "Search", "Source"),
    ],
)
def test_it_speaks_the_browsers_language(
    tmp_path: Path, spoken: str, empty: str, search: str, source: str
):
    store = Store(tmp_path)
    browser = viewer(store).test_client()
    asks = {"headers": {"Accept-Language": spoken}, "base_url": "http://127.0.0.1:8025"}
    page = browser.get("/", **asks).text
    assert empty in page
    assert f"<button>{search}</button>" in page
    assert f'<html lang="{"de" if spoken == "de" else "en"}">' in page
    store.keep("anna@example.com", MAIL)
    [link] = re.findall(r'href="(/mail/\d+)"', browser.get("/?q=neues", **asks).text)
    assert f">{source}</a>" in browser.get(link, **asks).text
    assert "“nobody”" in browser.get("/?q=nobody&lang=en", **asks).text
