"""Validation of typed input: one line, a text, a slug, a URL."""

from __future__ import annotations

import re
import unicodedata

from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_

MAX_LINE = 300
MAX_TEXT = 20_000
# Control characters, line and paragraph separators, lone surrogates: none belongs in a mail
# header (T-17), and PostgreSQL takes neither NUL nor surrogates. Signs that show nothing or turn
# the order of others around make one name look like another (UTS 55).
_CONTROLS = frozenset({"Cc", "Zl", "Zp", "Cs"})
_INVISIBLE = "Cf"
# Emoji, and letters of some scripts, are put together with these two; letters of ASCII never are.
_JOINERS = frozenset("\u200c\u200d")
# Of a web address, as a browser and a mail read them alike: no user, quote, blank or bracket.
_LINK = re.compile(r"https?://[^\s/?#@\"'<>\\]+(?:[/?#][^\s\"'<>\\]*)?\Z", re.IGNORECASE)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


class Validator:
    """Collects the errors of several fields, so that people see all of them at once."""

    def __init__(self) -> None:
        self.wrong: dict[str, str] = {}

    def line(self, field: str, value: str, *, missing: str = "", limit: int = MAX_LINE) -> str:
        """Return one line without surrounding spaces; `missing` is the error if it is empty."""
        if any(unicodedata.category(char) in _CONTROLS for char in value[: limit + 1]):
            return self._refuse(field, N_("This must be one line without control characters."))
        return self._within(field, value, missing, limit)

    def shown_line(
        self, field: str, value: str, *, missing: str = "", limit: int = MAX_LINE
    ) -> str:
        """Return one line that strangers see, such as a sender; no hidden or reversed text."""
        if _hides_something(value[: limit + 1]):
            return self._refuse(
                field, N_("This holds signs that cannot be seen. Please type it again.")
            )
        return self.line(field, value, missing=missing, limit=limit)

    def text(self, field: str, value: str, *, missing: str = "", limit: int = MAX_TEXT) -> str:
        """Return several lines, ended by LF only."""
        value = value.replace("\r\n", "\n").replace("\r", "\n")
        shown = value[: limit + 1].replace("\n", "").replace("\t", "")
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in shown):
            return self._refuse(field, N_("This holds control characters. Please type it again."))
        return self._within(field, value, missing, limit)

    def slug(self, field: str, value: str) -> str:
        """Return a short name for URLs and headers."""
        value = value.strip()
        if not _SLUG.match(value):
            return self._refuse(
                field,
                N_("Use small letters a to z, digits and hyphens, 63 at most: spring-letter."),
            )
        return value

    def link(self, field: str, value: str) -> str:
        """Return a web URL, or an empty string."""
        value = self.line(field, value, limit=1000)
        if value and (not _LINK.match(value) or _hides_something(value)):
            return self._refuse(
                field, N_("Write the whole address: https://www.example.org/privacy.")
            )
        return value

    def done(self) -> None:
        """Raise InvalidInput with every error."""
        if self.wrong:
            raise InvalidInput(N_("Please correct the marked fields."), self.wrong)

    def _within(self, field: str, value: str, missing: str, limit: int) -> str:
        value = value.strip()
        if missing and not value:
            return self._refuse(field, missing)
        if len(value) > limit:
            return self._refuse(field, N_("This is too long. Please shorten it."))
        return value

    def _refuse(self, field: str, message: str) -> str:
        self.wrong[field] = message
        return ""


def _hides_something(value: str) -> bool:
    for before, char in zip(" " + value, value, strict=False):
        is_joiner = char in _JOINERS and not before.isascii()
        if unicodedata.category(char) == _INVISIBLE and not is_joiner:
            return True
    return False
