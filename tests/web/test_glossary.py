"""The glossary holds in both catalogues: one term for each thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "listmgr/translations/de/LC_MESSAGES/messages.po"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs/glossary.md").read_text().splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| English"))
]
FORBIDDEN = sorted({term.strip() for row in ROWS for term in row[3].split(",") if term.strip()})


def messages() -> list[tuple[str, str]]:
    """English and German of every message, each plural form for itself."""
    pairs = []
    with CATALOGUE.open("rb") as file:
        for message in read_po(file, locale="de"):
            if message.id:
                plural = not isinstance(message.id, str)
                ids, texts = message.id, message.string
                pairs += zip(ids, texts, strict=True) if plural else [(ids, texts)]
    return pairs


MESSAGES = messages()


def uses(term: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text, re.IGNORECASE) is not None


@pytest.mark.parametrize("term", FORBIDDEN)
def test_no_text_uses_another_word_for_a_term(term):
    assert [text for pair in MESSAGES for text in pair if uses(term, text)] == []


def test_labels_are_translated_by_the_glossary():
    german = dict(MESSAGES)
    listed = {english: term for english, term, *_ in ROWS if english in german}
    assert len(listed) > 12
    assert {english: german[english] for english in listed} == listed


def test_a_forbidden_word_would_be_seen():
    assert uses("put off", "It was put off.")
    assert uses("Stapel", "Von Stapel zu Stapel.")
    assert not uses("import", "important")
