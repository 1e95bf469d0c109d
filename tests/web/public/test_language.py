"""The studio speaks the operator's language, the public pages the visitor's."""

from __future__ import annotations

import re

import pytest

from listmgr.kit.clock import now
from listmgr.operators.accounts import create_operator

BASE = "https://news.example.org"
PASSWORD = "correct horse battery"


@pytest.mark.parametrize(("own", "browser"), [("de", "en"), ("en", "de")])
def test_the_studio_speaks_the_operators_own_language(client, notice, uow, own, browser):
    with uow() as tx:
        create_operator(
            tx,
            email="ada@example.org",
            name="Ada",
            role="auditor",
            language=own,
            password=PASSWORD,
            at=now(),
        )
    asks = {"base_url": BASE, "headers": {"Accept-Language": browser}}
    # Before the sign-in nobody knows her language but her browser.
    door = client.get("/studio/sign-in", **asks)
    assert f'<html lang="{browser}"' in door.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', door.text)[1]
    entered = client.post(
        "/studio/sign-in",
        data={"email": "ada@example.org", "password": PASSWORD, "csrf_token": token},
        **asks,
    )
    assert entered.status_code == 303
    assert f'<html lang="{own}"' in client.get("/studio/", **asks).text
    # The same browser on a public page is a visitor like any other.
    page = client.get("/s/news", **asks)
    assert f'<html lang="{browser}"' in page.text
    assert "Set-Cookie" not in page.headers
