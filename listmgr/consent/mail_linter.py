"""Finds advertising in a confirmation mail; LG Stendal 22 S 87/20 counts a logo and a welcome."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# One to confirm (twice: button and plain), one privacy notice, one "not me" page.
MAX_LINKS = 4
_OFFERS = re.compile(
    r"rabatt|gutschein|angebot|sonderpreis|gratis|jetzt kaufen|willkommen bei|folgen sie uns"
    r"|discount|voucher|coupon|special offer|for free|buy now|welcome to|follow us"
    r"|haben sie fragen|any questions\?",
    re.IGNORECASE,
)
_SOCIAL = re.compile(
    r"facebook\.|instagram\.|linkedin\.|twitter\.|//x\.com|youtube\.|tiktok\.", re.IGNORECASE
)
_FORBIDDEN = frozenset(
    {"img", "picture", "svg", "video", "audio", "iframe", "script", "link", "form", "object"}
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _FORBIDDEN:
            self.found.append(f"<{tag}> does not belong into a confirmation mail")
        for name, value in attrs:
            if name in {"background", "src"} or (name == "style" and "url(" in (value or "")):
                self.found.append(f"{name} loads something from outside")
            if name == "href":
                self.links.append(value or "")


def advertising(html: str, text: str) -> list[str]:
    """What is not sober in a mail, in words; empty when it may go."""
    reader = _Reader()
    reader.feed(html)
    found = reader.found
    if len(reader.links) > MAX_LINKS:
        found.append(f"{len(reader.links)} links, at most {MAX_LINKS} are needed")
    for name, part in (("HTML", html), ("text", text)):
        found += [f"{name}: “{hit}” is advertising" for hit in set(_OFFERS.findall(part))]
        found += [f"{name}: link to {hit}" for hit in set(_SOCIAL.findall(part))]
    return found
