"""Labels of enum members in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from flask_babel import gettext


def named(words: Mapping[str, str], kind: type[StrEnum] | None = None) -> Callable[[str], str]:
    """Return a filter that translates a value by its label; a value without one is shown as
    it is. With an enum, words that were stored earlier are understood too.
    """

    def name(value: str) -> str:
        word = words.get(str(value)) or words.get(_today(kind, str(value)))
        return str(value) if word is None else str(gettext(word))

    return name


def _today(kind: type[StrEnum] | None, value: str) -> str:
    if kind is None:
        return value
    try:
        return kind(value).value
    except ValueError:
        return value
