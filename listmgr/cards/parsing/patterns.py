"""What has a form of its own within a line: addresses, telephone numbers, places of the web."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from listmgr.cards.parsing.limits import (
    MAX_EMAILS,
    MAX_PHONES,
    MAX_URLS,
)
from listmgr.cards.parsing.parsed_card import (
    CardEmail,
    CardPhone,
    Guess,
)
from listmgr.cards.parsing.printed_email import find_email
from listmgr.cards.parsing.reading_order import Line
from listmgr.cards.parsing.vocabulary import (
    LABEL,
    LABELS,
)

_WEB = re.compile(
    r"(?:https?\s?:\s?//\s?\S+"
    r"|www\s?[.,]\s?[\w-]+(?:\s?[.,]\s?[\w-]+)+(?:/[\w./-]*)?"
    r"|(?<![\w@.-])[\w-]+(?:\.[\w-]+)*\.(?:com|de|org|net|eu|fr|at|ch|co\.uk|io|info|biz|berlin|be|lu"
    r"|it|es|nl|dev|ai|app|uk|example)(?:/[\w./-]*)?(?![\w@]))",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?:\(\+\d{1,3}\)|\+\s?\(?\d{1,3}\)?|\(0\d*\)|\b0|\(\d{3}\)|\b\d{3}(?=[-. ]\d{3}[-. ]\d{4}))"
    r"[\d\s()/.–-]{5,22}\d"
)
# What is dialled after the number has answered.
_EXTENSION = re.compile(
    r"\s*[,;/(-]?\s*(?:ext(?:ension|n)?|x|durchwahl|dw|app(?:arat)?|nst|nebenstelle|poste|int(?:erno)?"
    r"|anexo|toestel|wew)\.?\s*[:.]?\s*-?(\d{1,6})\)?(?!\d)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Facts:
    """What was found, and the lines that remain."""

    emails: list[CardEmail] = field(default_factory=list)
    phones: list[CardPhone] = field(default_factory=list)
    urls: list[Guess] = field(default_factory=list)
    rest: list[Line] = field(default_factory=list)
    # How large the facts are printed, which is the small print of a card.
    heights: list[float] = field(default_factory=list)


def facts_in(lines: Sequence[Line], *, pictured: bool) -> Facts:
    """Take the facts out of the lines; what remains of one is a word beside them, or nothing."""
    facts = Facts()
    for line in lines:
        text = _without_emails(facts, line, pictured=pictured)
        text = _without_phones(facts, line, _without_web(facts, line, text))
        if text != line.text:
            facts.heights.append(line.height)
            text = text.strip(" ,;:/|·-–<>()")
        if text and not LABEL.fullmatch(text):
            facts.rest.append(replace(line, text=text))
    return facts


def _without_emails(facts: Facts, line: Line, *, pictured: bool) -> str:
    text = line.text
    for _ in range(MAX_EMAILS):
        email = find_email(text, pictured=pictured)
        if email is None:
            break
        before, address, after, exact = email
        if address not in {email.address for email in facts.emails}:
            # A blank that was taken out, a sign that was changed: reasons to look twice.
            sure = (1.0 if exact else 0.7) * line.confidence
            facts.emails.append(CardEmail(address, not facts.emails, "", sure, line.text))
        text = f"{_without_label(before)} {after}"
    return text


def _without_web(facts: Facts, line: Line, text: str) -> str:
    while match := _WEB.search(text):
        url = re.sub(r"\s+", "", match[0]).replace(",", ".").rstrip(".;)")
        urls = {guess.value.lower() for guess in facts.urls}
        if url.lower() not in urls and len(urls) < MAX_URLS:
            facts.urls.append(Guess(url, line.confidence, line.text))
        text = f"{_without_label(text[: match.start()])} {text[match.end() :]}"
    return text


def _without_phones(facts: Facts, line: Line, text: str) -> str:
    rest: list[str] = []
    position = 0
    for match, digits in _phones(text):
        before = text[position : match.start()]
        number = " ".join(match[0].split())
        extension = _EXTENSION.match(text, match.end())
        if extension:
            number = f"{number} ext. {extension[1]}"
        numbers = {phone.number for phone in facts.phones}
        if number not in numbers and len(numbers) < MAX_PHONES:
            sure = line.confidence * (0.95 if digits >= 9 else 0.7)
            facts.phones.append(CardPhone(number, _kind(before), sure, line.text))
        rest.append(_without_label(before))
        position = extension.end() if extension else match.end()
    return " ".join([*rest, text[position:]]).strip() if rest else text


def _phones(text: str) -> Iterator[tuple[re.Match[str], int]]:
    for match in _PHONE.finditer(text):
        digits = sum(char.isdigit() for char in match[0])
        if 7 <= digits <= 16:
            yield match, digits


def _kind(before: str) -> str:
    """The kind of a number by the word before it; work where the card says nothing."""
    word = before.strip(" ,;:/|·-–()").rpartition(" ")[2].rstrip(".:")
    for kind, words in LABELS:
        if re.fullmatch(words, word, re.IGNORECASE):
            return kind or "work"
    return "work"


def _without_label(before: str) -> str:
    """What stands before a fact, without the label that belongs to it."""
    start, blank, word = before.rstrip().rpartition(" ")
    return start if LABEL.fullmatch(word) else start + blank + word
