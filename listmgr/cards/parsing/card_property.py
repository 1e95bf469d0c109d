"""One statement of a card in any notation: a vCard property with its values already unescaped."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from listmgr.cards.parsing.limits import (
    MAX_NOTE,
    MAX_VALUE,
)

# Separators and what steers the writing direction or shows nothing; lone surrogates.
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
_BLANKS = re.compile(r"[\s\x00]+")


@dataclass(slots=True)
class Entry:
    """`name` in capitals, `types` in small letters; `values` are its components."""

    name: str
    values: tuple[str, ...]
    types: frozenset[str] = frozenset()
    params: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    source: str = ""

    @property
    def text(self) -> str:
        """The first component: all of it for what has only one."""
        return self.values[0] if self.values else ""


def one_line(text: str, limit: int = MAX_VALUE) -> str:
    """One line that is safe in a header (T-17): no control characters, blanks made one."""
    text = text[: limit * 4]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = _BLANKS.sub(" ", text)
        text = "".join(char for char in text if unicodedata.category(char) not in _DROPPED)
    return " ".join(text.split())[:limit].rstrip()


def several_lines(text: str, limit: int = MAX_NOTE) -> str:
    """A note: lines without control characters, empty ones around it dropped."""
    lines = text[: limit * 2].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(one_line(line) for line in lines).strip()[:limit]
