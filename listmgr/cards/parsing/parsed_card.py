"""What one business card says, how sure we are of each word, and where it was read.

How it is used. A file: `parse_upload(name, data)` of `listmgr.cards.parsing.detect_format` gives a
ParseResult; when its `kind` is PICTURE, a job gives the same octets to `read_picture` of
`listmgr.cards.imaging.read_image`, which answers in the same shape. Pasted text:
`parse_text(text)`. In a result, `cards` are what was read (`card.problems` are sentences to show
beside it), `refused` says which parts could not be read and why, and `codes` are the texts of QR
codes that hold no card: they are shown as text, never as a link. Sentences are English msgids, as
everywhere in the rooms.

`fields.email` is the one address that would be asked; the others are kept and never mailed.
`as_json(fields)` and `from_json(stored)` carry the fields through a JSONB column and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

# Below this the reviewer is asked to look twice.
UNSURE = 0.75


class Kind(StrEnum):
    """What an upload turned out to be, by its content and never by its name."""

    VCARD = "vcard"
    JCARD = "jcard"
    XCARD = "xcard"
    MECARD = "mecard"
    BIZCARD = "bizcard"
    MEMORY = "memory"
    MAIL_CODE = "mail_code"
    CSV = "csv"
    SIGNATURE = "signature"
    PICTURE = "picture"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Guess:
    """A value, how sure we are of it (0 to 1), and the text it was taken from."""

    value: str = ""
    confidence: float = 0.0
    source: str = ""

    def __bool__(self) -> bool:
        """Whether anything was found at all."""
        return bool(self.value)

    @property
    def unsure(self) -> bool:
        """Whether the reviewer should look twice."""
        return bool(self.value) and self.confidence < UNSURE


NOTHING = Guess()


@dataclass(frozen=True, slots=True)
class CardEmail:
    """An address as it stood on the card, already of a valid form; at most one is preferred."""

    address: str
    preferred: bool = False
    label: str = ""
    confidence: float = 1.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class CardPhone:
    """A number as it stood on the card; `label` is work, cell, fax, home or what the card says."""

    number: str
    label: str = ""
    confidence: float = 1.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class CardFields:
    """What a card says. Every text is one line without control characters (the note: several)."""

    full_name: Guess = NOTHING
    first_name: Guess = NOTHING
    last_name: Guess = NOTHING
    prefix: Guess = NOTHING
    suffix: Guess = NOTHING
    organisation: Guess = NOTHING
    department: Guess = NOTHING
    title: Guess = NOTHING
    emails: tuple[CardEmail, ...] = ()
    phones: tuple[CardPhone, ...] = ()
    postal: tuple[Guess, ...] = ()
    urls: tuple[Guess, ...] = ()
    note: Guess = NOTHING
    language: Guess = NOTHING

    @property
    def email(self) -> CardEmail | None:
        """The preferred address, else the first; never more than one is mailed."""
        preferred = (email for email in self.emails if email.preferred)
        return next(preferred, self.emails[0] if self.emails else None)

    @property
    def postal_address(self) -> Guess:
        """The whole postal address, a line each; as sure as its least certain line."""
        return Guess(
            "\n".join(line.value for line in self.postal),
            min((line.confidence for line in self.postal), default=0.0),
            "\n".join(dict.fromkeys(line.source for line in self.postal)),
        )

    @property
    def further(self) -> tuple[str, ...]:
        """Beyond one address, number and link: what is shown and never written to."""
        chosen = self.email
        emails = (
            email.address for email in self.emails if chosen and email.address != chosen.address
        )
        phones = (f"{phone.number} {phone.label}".strip() for phone in self.phones[1:])
        return (*emails, *phones, *(url.value for url in self.urls[1:]))

    def __bool__(self) -> bool:
        """Whether there is anything to review: an address, a number, a name or a company."""
        return bool(self.emails or self.phones or self.full_name or self.organisation)


@dataclass(frozen=True, slots=True)
class ParsedCard:
    """One card and what was odd about it, as sentences."""

    fields: CardFields
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedPart:
    """A part of an upload that gave no card: its place in the file (from 1) and the reason."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class ParseResult:
    """Everything an upload gave; one bad card never costs the others."""

    kind: Kind
    cards: tuple[ParsedCard, ...] = ()
    refused: tuple[RefusedPart, ...] = ()
    codes: tuple[str, ...] = ()


def as_json(fields: CardFields) -> dict[str, Any]:
    """For a JSONB column; what was not found is left out."""
    return {key: value for key, value in asdict(fields).items() if _says_anything(value)}


def from_json(stored: Mapping[str, Any]) -> CardFields:
    """What `as_json` was given."""
    return CardFields(**{key: _revived(key, value) for key, value in stored.items()})


def _says_anything(value: Any) -> bool:  # noqa: ANN401 - what asdict gives
    return bool(value.get("value") if isinstance(value, dict) else value)


_LISTS = {"emails": CardEmail, "phones": CardPhone, "postal": Guess, "urls": Guess}


def _revived(key: str, value: Any) -> Any:  # noqa: ANN401 - one type a field
    if key in _LISTS:
        return tuple(_LISTS[key](**item) for item in value)
    return Guess(**value)
