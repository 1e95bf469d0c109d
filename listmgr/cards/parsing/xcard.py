"""xCard (RFC 6351): vCards as XML, without document types, entities or anything from outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from listmgr.cards.parsing.build_card import assemble
from listmgr.cards.parsing.card_property import Entry
from listmgr.cards.parsing.limits import MAX_LINES_OF_A_CARD
from listmgr.cards.parsing.parse_result import (
    collected,
    nothing,
)
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParseResult,
)
from listmgr.kit.i18n import N_

NO_XML = N_("The file looks like xCard, but it is not valid XML.")
WITH_ENTITIES = N_("The file declares a document type or entities, which no card needs.")

_SPACE = "{urn:ietf:params:xml:ns:vcard-4.0}"
_COMPONENTS = {
    "N": ("surname", "given", "additional", "prefix", "suffix"),
    "ADR": ("pobox", "ext", "street", "locality", "region", "code", "country"),
}


def is_xcard(text: str) -> bool:
    """Whether the text is XML of that name space."""
    return text.lstrip().startswith("<") and _SPACE[1:-1] in text[:2_000]


def parse_xcards(text: str) -> ParseResult:
    """Every card of the file."""
    if "<!" in re.sub(r"<!--|<!\[CDATA\[", "", text):
        return nothing(Kind.XCARD, WITH_ENTITIES)
    try:
        # The declaration may name another encoding than the text now has.
        text = re.sub(r"\A\s*<\?xml[^>]*\?>", "", text)
        root = ElementTree.fromstring(text)  # noqa: S314 - it declares no entities
    except (ElementTree.ParseError, ValueError):
        return nothing(Kind.XCARD, NO_XML)
    elements = enumerate(root.iter(f"{_SPACE}vcard"), start=1)
    return collected(
        Kind.XCARD, ((place, assemble(_entries(element))) for place, element in elements)
    )


def _entries(card: ElementTree.Element) -> list[Entry]:
    """The properties of a card, those in groups too."""
    plain = [("", element) for element in card if element.tag != f"{_SPACE}group"]
    grouped = [
        (g.get("name", "").upper(), element) for g in card.iter(f"{_SPACE}group") for element in g
    ]
    return [_entry(element, group) for group, element in (plain + grouped)[:MAX_LINES_OF_A_CARD]]


def _entry(element: ElementTree.Element, group: str) -> Entry:
    name = element.tag.removeprefix(_SPACE).upper()
    params = {
        param.tag.removeprefix(_SPACE).upper(): " ".join(text.strip() for text in param.itertext())
        for holder in element.findall(f"{_SPACE}parameters")
        for param in holder
    }
    values = tuple(
        " ".join(part_element.text or "" for part_element in element.findall(f"{_SPACE}{part}"))
        for part in _COMPONENTS.get(name, ())
    ) or tuple(child.text or "" for child in element if child.tag != f"{_SPACE}parameters")
    types = frozenset(params.get("TYPE", "").lower().split())
    return Entry(name, values, types, params, group, " ".join(values))
