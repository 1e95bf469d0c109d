"""Files of one card for tests, and what is read from them."""

from __future__ import annotations

from listmgr.cards.parsing.vcard import parse_vcards


def read(*lines: str, version="3.0", encoding="utf-8", end="\r\n"):
    body = ("BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", "")
    return parse_vcards(end.join(body).encode(encoding))


def fields(*lines: str, **how):
    result = read(*lines, **how)
    assert result.refused == ()
    (card,) = result.cards
    return card.fields


def addresses(*lines: str, **how):
    return [email.address for email in fields(*lines, **how).emails]
