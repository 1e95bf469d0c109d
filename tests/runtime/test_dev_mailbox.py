"""The pages of the development mailbox, in the language of whoever looks into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from listmgr.runtime import dev_mailbox
from listmgr.runtime.dev_mailbox import (
    Store,
    viewer,
)

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


def campaign_mail(message_id: str) -> bytes:
    unsubscribe = "List-Unsubscribe: <https://x.example/u/x>"
    return f"Subject: Mai\r\nMessage-ID: <{message_id}@x>\r\n{unsubscribe}\r\n\r\nHallo".encode()


def test_b07_a_campaign_does_not_push_out_other_mails_and_says_what_it_did(
    tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(dev_mailbox, "KEPT", 3)
    monkeypatch.setattr(Store._forget_the_oldest, "__defaults__", (3,))
    store = Store(tmp_path)
    store.keep("maria@example.com", b"Subject: Bitte best\xc3\xa4tigen\r\n\r\nKlick")
    store.keep("team@example.com", campaign_mail("test.7.1"))
    for number in range(8):
        store.keep(f"p{number}@example.com", campaign_mail(f"{number}.x"))
    for here in (store, Store(tmp_path)):
        assert [entry.to for entry in here.find("", "", 10)] == [
            *(f"p{number}@example.com" for number in (7, 6, 5)),
            "team@example.com",
            "maria@example.com",
        ]
        browser = viewer(here).test_client()
        page = browser.get("/", base_url="http://127.0.0.1:8025").text
        assert "5 older mails have been deleted: the newest 3 campaign mails" in page
        assert "maria@example.com" in page
    assert len(list(tmp_path.glob("*.eml"))) == 5
    store.clear()
    page = viewer(store).test_client().get("/", base_url="http://127.0.0.1:8025").text
    assert "been deleted" not in page
