"""A signature out of a mail, pasted: German, English or French, with all that stands around it."""

from __future__ import annotations

import re

from listmgr.cards.parsing.build_card import (
    NO_ADDRESS,
    NOTHING_READ,
)
from listmgr.cards.parsing.classify_lines import guess_fields
from listmgr.cards.parsing.limits import (
    MAX_SIGNATURE_LINES,
    MAX_VALUE,
)
from listmgr.cards.parsing.parse_result import nothing
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParsedCard,
    ParseResult,
)
from listmgr.cards.parsing.reading_order import lines_of_text
from listmgr.kit.i18n import N_

TOO_LONG = N_("This text is too long for a signature. Please paste only the signature itself.")

# A text of this length is a letter or a file of something else.
_MAX_TEXT = 20_000
_CLOSING = re.compile(
    r"(?:mit (?:freundlichen|besten|herzlichen|sonnigen|vielen) gr(?:ü|ue)(?:ß|ss)en|mfg|(?:viele"
    r"|beste|liebe|herzliche|schöne|freundliche) gr(?:ü|ue)(?:ß|ss)e|(?:kind|best|warm) regards"
    r"|regards|best wishes|best|(?:yours )?sincerely(?: yours)?|yours (?:truly|faithfully)|cheers"
    r"|thanks|many thanks|bien (?:cordialement|à vous)|cordialement|sincères salutations"
    r"|meilleures salutations|salutations distinguées|bien à vous|amicalement)\b.{0,40}\Z",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\s*>|(?:am|on|le) .{5,80}(?:schrieb|wrote|écrit)\b.*:?\s*\Z", re.IGNORECASE)
# What the law or a lawyer puts below: names people who did not write this.
_SMALL_PRINT = re.compile(
    r"(?:geschäftsführer(?:in|innen)?|geschäftsführung|vorstand|aufsichtsrat\w*"
    r"|vorsitzende\w*(?: des aufsichtsrats?)?|managing directors?|board|directors|chairman"
    r"|gérants?|président)\s*:|\b(?:amtsgericht|registergericht|handelsregister|hrb|hra"
    r"|sitz der gesellschaft|ust-?id\w*|vat(?: no| reg)|registered (?:in|office)|company (?:no"
    r"|number)|siret|siren|rcs|capital (?:de|social))\b|\b(?:diese e-?mail|this (?:e-?mail"
    r"|message)|ce (?:message|courriel)|confidential\w*|vertraulich\w*"
    r"|confidentiel\w*|disclaimer|think before you print|bitte denken sie|pensez à l)\b",
    re.IGNORECASE,
)


def parse_signature(text: str) -> ParseResult:
    """The one person a signature belongs to."""
    if len(text) > _MAX_TEXT:
        return nothing(Kind.SIGNATURE, TOO_LONG)
    kept = "\n".join(_relevant(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")))
    fields = guess_fields(lines_of_text(kept, MAX_SIGNATURE_LINES), pictured=False)
    if not (fields.emails or fields.phones):
        return nothing(Kind.SIGNATURE, NOTHING_READ)
    problems = () if fields.emails else (NO_ADDRESS,)
    return ParseResult(Kind.SIGNATURE, (ParsedCard(fields, problems),))


def _relevant(lines: list[str]) -> list[str]:
    """From the greeting or the two dashes on, without quotes and small print."""
    lines = [line[:MAX_VALUE].strip("*_ \t\xa0\u200b") for line in lines if not _QUOTED.match(line)]
    starts = [n for n, line in enumerate(lines) if line == "--" or _CLOSING.match(line)]
    start = max((n for n in starts if any(lines[n + 1 :])), default=-1)
    return [line for line in lines[start + 1 :] if not _SMALL_PRINT.search(line)]
