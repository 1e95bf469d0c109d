"""Which language a public page speaks, and the words of it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import g, request

from listmgr.web.words import WORDS

LANGUAGES = ("de", "en")


def language() -> str:
    """The subscriber's own, else what the page was asked for in, else the browser's."""
    known = g.get("language")
    if known in LANGUAGES:
        return str(known)
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        return asked
    return request.accept_languages.best_match(LANGUAGES, default="en") or "en"


def words() -> Mapping[str, str]:
    """Every text of the public pages in the reader's language."""
    return WORDS[language()]
