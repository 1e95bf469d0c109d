"""One card of what its code says and what is printed beside the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

from listmgr.cards.parsing.build_card import NO_ADDRESS
from listmgr.cards.parsing.cross_checks import (
    name_and_address,
    skeleton,
)
from listmgr.cards.parsing.parsed_card import (
    CardEmail,
    CardFields,
    CardPhone,
    Guess,
    ParsedCard,
)

# A number with and without the prefix of its country ends alike.
_SAME_DIGITS = 7


def combined(coded: Sequence[ParsedCard], printed: Sequence[ParsedCard]) -> tuple[ParsedCard, ...]:
    """Every card once: a printed one is joined to the code that says the same person.

    What a code says is exact and counts; what only is printed is added to it.
    """
    cards = list(coded)
    alone = len(coded) == len(printed) == 1
    separate = []
    for card in printed:
        matching = [n for n, code in enumerate(cards) if is_same(code, card, alone=alone)]
        if matching:
            cards[matching[0]] = _joined(cards[matching[0]], card)
        elif card.fields.emails or card.fields.phones:
            separate.append(card)
    return (*cards, *separate)


def is_same(code: ParsedCard, card: ParsedCard, *, alone: bool) -> bool:
    """Whether a code and a print tell of one person; `alone`: there is no other card or code."""
    exact = {skeleton(email.address) for email in code.fields.emails}
    read = {skeleton(email.address) for email in card.fields.emails}
    if exact & read:
        return True
    if exact and read and code.fields.full_name and card.fields.full_name:
        return _names_agree(code.fields, card.fields)
    return alone or _names_agree(code.fields, card.fields)


def _names_agree(code: CardFields, card: CardFields) -> bool:
    """By the names, or by a name and the address that is made of it."""
    if code.full_name and card.full_name:
        return skeleton(code.full_name.value) == skeleton(card.full_name.value)
    name = (code.full_name or card.full_name).value
    emails = (*code.emails, *card.emails)
    locals_ = [email.address.rpartition("@")[0] for email in emails]
    return any(name_and_address(name, local) >= 1.0 for local in locals_)


def _joined(code: ParsedCard, card: ParsedCard) -> ParsedCard:
    exact, read = code.fields, card.fields
    names = [field.name for field in fields(exact)]
    values = {name: getattr(exact, name) or getattr(read, name) for name in names}
    if exact.full_name:
        # Parts of a name belong to the name they are parts of.
        values |= {part: getattr(exact, part) for part in _PARTS_OF_NAME}
    values["emails"] = (*exact.emails, *_more_emails(exact.emails, read.emails))
    values["phones"] = (*exact.phones, *_more_phones(exact.phones, read.phones))
    values["urls"] = (*exact.urls, *_more_urls(exact.urls, read.urls))
    problems = tuple(p for p in code.problems if p != NO_ADDRESS or not values["emails"])
    return replace(code, fields=CardFields(**values), problems=problems)


_PARTS_OF_NAME = ("first_name", "last_name", "prefix", "suffix")


def _more_emails(exact: Sequence[CardEmail], read: Iterable[CardEmail]) -> list[CardEmail]:
    said = {skeleton(email.address) for email in exact}
    preferred = not exact
    return [
        replace(email, preferred=email.preferred and preferred)
        for email in read
        if skeleton(email.address) not in said
    ]


def _more_phones(exact: Sequence[CardPhone], read: Iterable[CardPhone]) -> list[CardPhone]:
    said = {_digits(phone.number) for phone in exact}
    return [phone for phone in read if _digits(phone.number) not in said]


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)[-_SAME_DIGITS:]


def _more_urls(exact: Sequence[Guess], read: Iterable[Guess]) -> list[Guess]:
    said = {_plain(url.value) for url in exact}
    return [url for url in read if _plain(url.value) not in said]


def _plain(url: str) -> str:
    return re.sub(r"\A(?:https?://)?(?:www\.)?|/\Z", "", url.lower())
