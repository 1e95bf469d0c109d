"""What stands at the address itself."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("language", "said"),
    [("de", "Newsletter, die Sie bestellt haben"), ("en", "Newsletters you asked for")],
)
def test_the_bare_address_says_how_to_leave_and_where_to_sign_in(client, language, said):
    answer = client.get("/", headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f"<h1>{said}</h1>" in answer.text
    assert 'href="/studio/sign-in"' in answer.text
    assert "Set-Cookie" not in answer.headers
