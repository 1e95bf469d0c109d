"""The language of a page; texts are gettext catalogues in `listmgr/translations`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask_babel import Babel, refresh
from flask_login import current_user

from listmgr.languages import LANGUAGES


def init_app(app: Flask, timezone: str = "UTC") -> None:
    """Provide `_("…")` and the page's language as `lang` to templates and views."""
    Babel(
        app,
        default_locale="en",
        default_timezone=timezone,
        default_translation_directories=str(Path(__file__).parent.parent / "translations"),
        locale_selector=language,
    )
    app.context_processor(_names)


def language() -> str:
    """Return the operator's language in the studio; else the requested, the subscriber's or the
    browser's.

    A language link the reader just pressed outranks the subscriber's stored language.
    """
    for candidate in (_operators_own(), request.args.get("lang", ""), g.get("language", "")):
        if candidate in LANGUAGES:
            return str(candidate)
    return request.accept_languages.best_match(LANGUAGES, default="en") or "en"


def speak(preferred: str) -> None:
    """Use the subscriber's language for the rest of this request, if it is known."""
    g.language = preferred
    refresh()


def _operators_own() -> str:
    if not (request.endpoint or "").startswith("studio."):
        return ""
    return str(getattr(current_user, "language", ""))


def _names() -> dict[str, Any]:
    spoken = language()
    others = {code: name for code, name in LANGUAGES.items() if code != spoken}
    return {"lang": spoken, "other_languages": others, "languages": LANGUAGES}
