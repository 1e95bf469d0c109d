"""Labels of enum members in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask_babel import gettext


def named(words: Mapping[str, str]) -> Callable[[str], str]:
    """Return a filter that translates a value by its label; a value without one is shown as
    it is.
    """

    def name(value: str) -> str:
        word = words.get(str(value))
        return str(value) if word is None else str(gettext(word))

    return name
