"""Find advertising in a confirmation mail; LG Stendal 22 S 87/20 counts a logo and a welcome."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from jinja2 import Environment, meta

# One to confirm, one privacy notice, and once more each in case a template repeats them.
MAX_LINKS = 4
# What a template may fill in. Whatever else there is, a visitor may have typed it (T-09, L-10).
FIELDS = frozenset(
    {"controller", "subscriptions", "asked_at", "expires_at", "zone", "confirm_url", "imprint"}
    | {"privacy_url"}
)
_PHRASES = re.compile(
    # A welcome, an offer, an invitation to get in touch, praise of how easy leaving is.
    r"willkommen|welcome|rabatt|gutschein|angebot|sonderpreis|gratis|kostenlos|jetzt kaufen"
    r"|discount|voucher|coupon|special offer|for free|buy now|folgen sie|follow us"
    r"|haben sie fragen|fragen\?|questions\?|kontaktieren|contact us|get in touch"
    r"|schreiben sie uns|rufen sie|call us|here to help|abbestellen|unsubscribe",
    re.IGNORECASE,
)
SOCIAL = re.compile(
    r"(?:facebook|instagram|linkedin|twitter|youtube|tiktok|xing|pinterest)\.com|\bx\.com|\bt\.me\b",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[^\s<>\"')\]]+|mailto:[^\s<>\"')\]]+", re.IGNORECASE)
_FORBIDDEN = frozenset(
    {"img", "picture", "svg", "video", "audio", "iframe", "script", "link", "form", "object"}
    | {"embed", "base", "style", "input", "button"}
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.findings: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _FORBIDDEN:
            self.findings.append(f"<{tag}> does not belong into a confirmation mail")
        for name, value in attrs:
            if name in {"background", "src"} or (name == "style" and "url(" in (value or "")):
                self.findings.append(f"{name} loads something from outside")
            if name == "href":
                self.links.append(value or "")


def advertising(
    html: str, text: str, *, named: Sequence[str] = (), links: Sequence[str] = ()
) -> list[str]:
    """Return what is not neutral in a mail; empty if it may be sent.

    `named` are the lists and purposes of the request: they must be named even if one is called
    "Offers". `links` are the only URLs allowed: no counting redirect, no pixel, no social network.
    """
    reader = _Reader()
    reader.feed(html)
    findings = reader.findings
    if len(reader.links) > MAX_LINKS:
        findings.append(f"{len(reader.links)} links, at most {MAX_LINKS} are needed")
    for link in sorted({*reader.links, *links_in(text)} - set(links)):
        findings.append(f"link to {link}: only the confirmation and the privacy notice are linked")
    for name, part in (("HTML", html), ("text", text)):
        sober = _without(part, named)
        findings += [f"{name}: “{hit}” is advertising" for hit in sorted(_hits(_PHRASES, sober))]
        findings += [f"{name}: {hit} is a social network" for hit in sorted(_hits(SOCIAL, sober))]
    return findings


def links_in(text: str) -> list[str]:
    """Return the URLs in a plain text."""
    return _URL.findall(text)


def foreign_fields(environment: Environment, source: str) -> list[str]:
    """Return the template fields a confirmation mail must not contain, above all a typed name."""
    used = meta.find_undeclared_variables(environment.parse(source))
    return [f"{field} is not to be filled in" for field in sorted(used - FIELDS)]


def _hits(pattern: re.Pattern[str], part: str) -> set[str]:
    return {hit.casefold() for hit in pattern.findall(part)}


def _without(part: str, named: Sequence[str]) -> str:
    # Longest first, so that a list called “Offers & More” is not cut short by one called “Offers”.
    for name in sorted(filter(None, named), key=len, reverse=True):
        part = part.replace(name, "…")
    return part
