"""Find advertising in a first reply, which answers a conversation and is a service mail (L-17)."""

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
    """Return the passages that are not part of an answer; empty if the reply may be sent."""
    typed = f"{subject}\n{body}"
    passages = [*_PHRASES.findall(typed), *SOCIAL.findall(typed), *_HTML.findall(typed)]
    return sorted({hit.strip() for hit in passages} | (set(links_in(typed)) - set(links)))
