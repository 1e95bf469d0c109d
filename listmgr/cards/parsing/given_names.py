"""Given names of Europe and beyond: as they are compared, without marks, and as they are spelt."""

from __future__ import annotations

from pathlib import Path

from listmgr.cards.parsing.cross_checks import stripped


def _listed() -> tuple[frozenset[str], dict[str, set[str]]]:
    """All names without their marks, and the spellings of those the file has with them."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    spelt, _, plain = text.partition("# Without their marks.\n")
    forms: dict[str, set[str]] = {}
    for line in spelt.splitlines():
        for name in () if line.startswith("#") else line.split():
            forms.setdefault(stripped(name), set()).add(name)
    return frozenset([*forms, *plain.split()]), forms


GIVEN_NAMES, _SPELLINGS = _listed()


def spellings(name: str) -> set[str]:
    """How a name is spelt, in small letters; nothing where that is not known."""
    return _SPELLINGS.get(stripped(name), set())
