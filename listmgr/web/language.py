"""Which language a page speaks; the texts are gettext catalogues in `listmgr/translations`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask_babel import Babel, refresh
from flask_login import current_user

# Each language by its own name, for the link that switches to it.
LANGUAGES = {"de": "Deutsch", "en": "English"}


def init_app(app: Flask, timezone: str = "UTC") -> None:
    """Let templates and views say `_("…")`, and know the page's language as `lang`."""
    Babel(
        app,
        default_locale="en",
        default_timezone=timezone,
        default_translation_directories=str(Path(__file__).parent.parent / "translations"),
        locale_selector=language,
    )
    app.context_processor(_names)


def language() -> str:
    """The operator's own in the studio; else what was asked for, the subscriber's, the browser's.

    A link the reader just pressed counts more than what we remember of the subscriber.
    """
    for found in (_operators_own(), request.args.get("lang", ""), g.get("language", "")):
        if found in LANGUAGES:
            return str(found)
    return request.accept_languages.best_match(LANGUAGES, default="en") or "en"


def speak(known: str) -> None:
    """From here on this request speaks the subscriber's language, as far as we know it."""
    g.language = known
    refresh()


def _operators_own() -> str:
    if not (request.endpoint or "").startswith("studio."):
        return ""
    return str(getattr(current_user, "language", ""))


def _names() -> dict[str, Any]:
    spoken = language()
    others = {code: name for code, name in LANGUAGES.items() if code != spoken}
    return {"lang": spoken, "other_languages": others}
