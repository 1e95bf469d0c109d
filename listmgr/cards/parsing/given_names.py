"""Given names of Europe and beyond, without their marks, as names are compared."""

from __future__ import annotations

from pathlib import Path


def _listed() -> frozenset[str]:
    """The words of the file, whose first lines tell where they come from."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="ascii")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(" ".join(lines).split())


GIVEN_NAMES = _listed()
