"""Words for values: what pages call the members of an enumeration, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask_babel import gettext


def named(words: Mapping[str, str]) -> Callable[[str], str]:
    """A filter that says the word for a value; a value without one is shown as it is."""

    def name(value: str) -> str:
        word = words.get(str(value))
        return str(value) if word is None else str(gettext(word))

    return name
