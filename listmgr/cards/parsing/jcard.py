"""jCard (RFC 7095): a vCard as JSON, one or many of them."""

from __future__ import annotations

import json
from typing import Any

from listmgr.cards.parsing.build_card import assemble
from listmgr.cards.parsing.card_property import Entry
from listmgr.cards.parsing.charset import plain_text
from listmgr.cards.parsing.limits import MAX_LINES_OF_A_CARD
from listmgr.cards.parsing.parse_result import (
    collected,
    nothing,
)
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParsedCard,
    ParseResult,
)
from listmgr.kit.i18n import N_

NO_JSON = N_("The file looks like jCard, but it is not valid JSON.")
NO_JCARD = N_("A part of the file is no jCard.")


def parse_jcards(data: bytes) -> ParseResult:
    """Every card of the file; what is no card is told with its place."""
    try:
        stored = json.loads(plain_text(data))
    except (ValueError, RecursionError):
        return nothing(Kind.JCARD, NO_JSON)
    parts = [stored] if _is_card(stored) else stored if isinstance(stored, list) else [stored]
    return collected(Kind.JCARD, ((place, _card(part)) for place, part in enumerate(parts, 1)))


def _card(part: Any) -> ParsedCard | str:  # noqa: ANN401 - what JSON holds
    return assemble(_entries(part[1])) if _is_card(part) else NO_JCARD


def _is_card(part: object) -> bool:
    return (
        isinstance(part, list)
        and len(part) > 1
        and isinstance(part[0], str)
        and part[0].lower() == "vcard"
        and isinstance(part[1], list)
    )


def _entries(properties: list[Any]) -> list[Entry]:
    """The properties that have the form [name, parameters, type, value, ...]."""
    return [
        _entry(item)
        for item in properties[:MAX_LINES_OF_A_CARD]
        if isinstance(item, list)
        and len(item) > 3
        and isinstance(item[0], str)
        and isinstance(item[1], dict)
    ]


def _entry(item: list[Any]) -> Entry:
    name, params, value = item[0].upper(), item[1], item[3]
    values = tuple(_text(part) for part in value) if isinstance(value, list) else (_text(value),)
    named = {str(key).upper(): _text(stated) for key, stated in params.items()}
    types = frozenset(named.get("TYPE", "").lower().split())
    group = named.get("GROUP", "").upper()
    return Entry(name, values, types, named, group, " ".join(values))


def _text(value: object) -> str:
    """A value, or several of them, as text; deeper structures have no meaning here."""
    if isinstance(value, list):
        return " ".join(str(part) for part in value if isinstance(part, str | int | float))
    return str(value) if isinstance(value, str | int | float) else ""
