"""Finds advertising in a first reply: it answers a talk, so it is of class service (L-17)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from listmgr.consent.mail_linter import SOCIAL, links_in

# The BGH counts advertising in an otherwise fitting mail as advertising (VI ZR 134/15).
_PHRASES = re.compile(
    r"rabatt|gutschein|sonderpreis|sonderangebot|sonderaktion|gratis|jetzt kaufen|jetzt bestellen"
    r"|newsletter|rundbrief|abonnieren|folgen sie|discount|voucher|coupon|special offer|for free"
    r"|buy now|order now|follow us|subscribe|unsubscribe|% off",
    re.IGNORECASE,
)
_HTML = re.compile(r"<\s*(?:img|a|script|style|iframe|table|div|p|br)\b", re.IGNORECASE)


def not_of_service(subject: str, body: str, *, links: Sequence[str] = ()) -> list[str]:
    """The places that do not belong into an answer, as typed; empty when it may go."""
    typed = f"{subject}\n{body}"
    found = [*_PHRASES.findall(typed), *SOCIAL.findall(typed), *_HTML.findall(typed)]
    return sorted({hit.strip() for hit in found} | (set(links_in(typed)) - set(links)))
