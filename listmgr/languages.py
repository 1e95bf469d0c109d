"""The languages of pages, mails and people. A further one is added here, and has a catalogue."""

from __future__ import annotations

# Each by its own name, in the order people choose from.
LANGUAGES = {"de": "Deutsch", "en": "English"}


def language_or(language: str, default: str) -> str:
    """Return the language if there are texts in it, otherwise the installation's."""
    return language if language in LANGUAGES else default
