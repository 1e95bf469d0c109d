"""How much of a set of labelled pictures is read right, and how sure the reader was when not."""

from __future__ import annotations

import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from listmgr.cards.imaging.read_image import read_picture
from listmgr.cards.parsing.parsed_card import UNSURE, ParseResult

FIELDS = ("address", "name", "organisation")
FURTHER = ("job", "phones", "website", "place")


@dataclass(frozen=True)
class Truth:
    """What is printed on a card; `name` is given and family name without titles."""

    name: str
    organisation: str
    email: str
    job: str = ""
    phones: list[str] = field(default_factory=list)
    website: str = ""
    address: str = ""
    style: str = ""


@dataclass(slots=True)
class Figures:
    """What was right and what was surely wrong, and the CPU seconds of each picture."""

    pictures: int = 0
    right: Counter[str] = field(default_factory=Counter)
    printed: Counter[str] = field(default_factory=Counter)
    sure_wrong: Counter[str] = field(default_factory=Counter)
    unsure_right: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    surely_wrong_cards: int = 0
    seconds: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Shares of the cards on which a field is printed, for the last line of a benchmark."""
        fields = [name for name in (*FIELDS, *FURTHER) if self.printed[name]]
        return {
            "pictures": self.pictures,
            "right": {name: round(self.right[name] / self.printed[name], 3) for name in fields},
            "wrong_with_high_confidence": {
                name: round(self.sure_wrong[name] / self.printed[name], 3) for name in FIELDS
            },
            "cards_wrong_with_high_confidence": round(self.surely_wrong_cards / self.pictures, 3),
            "not_read": {
                name: round(self.missing[name] / self.printed[name], 3) for name in FIELDS
            },
            "right_but_unsure": {
                name: round(self.unsure_right[name] / self.printed[name], 3) for name in FIELDS
            },
            "cpu_s_a_picture": round(statistics.median(self.seconds), 2),
            "cpu_s_at_most": round(max(self.seconds), 2),
        }


def measure(
    samples: Iterable[tuple[Any, Any]],
    *,
    read: Callable[[Any], ParseResult] = read_picture,
    failures: bool = False,
) -> Figures:
    """Read every picture as an upload is read; `failures` prints each field that is wrong."""
    figures = Figures()
    for number, (truth, picture) in enumerate(samples):
        begun = time.process_time()
        result = read(picture)
        figures.seconds.append(time.process_time() - begun)
        figures.pictures += 1
        wrong = _counted(figures, result.cards[0].fields if result.cards else None, truth)
        if failures and wrong:
            print(f"{number:3} {getattr(truth, 'style', ''):15}", "; ".join(wrong))
    return figures


def _counted(figures: Figures, fields: Any, truth: Any) -> list[str]:
    wrong, surely = [], False
    for name, (value, confidence, meant) in _compared(fields, truth).items():
        if not meant:
            # An organisation where none is printed is as wrong as another one.
            if name in FIELDS and value and confidence >= UNSURE:
                surely = True
                wrong.append(f"{name} {confidence:.2f}: {value!r}, but none is printed")
            continue
        figures.printed[name] += 1
        right = value == meant
        figures.right[name] += right
        figures.missing[name] += not value
        figures.unsure_right[name] += right and confidence < UNSURE
        if not right:
            sure = bool(value) and confidence >= UNSURE
            figures.sure_wrong[name] += sure
            surely |= sure and name in FIELDS
            wrong.append(f"{name} {confidence:.2f}: {value!r}, not {meant!r}")
    figures.surely_wrong_cards += surely
    return wrong


def _compared(fields: Any, truth: Any) -> dict[str, tuple[str, float, str]]:
    """Each field as it was read, how sure, and as it is printed; capitals are no error."""
    if fields is None:
        return {name: ("", 0.0, meant) for name, meant in _meant(truth).items()}
    meant = _meant(truth)
    name = f"{fields.first_name.value} {fields.last_name.value}"
    email, organisation = fields.email, fields.organisation
    digits = sorted(_digits(phone.number) for phone in fields.phones if phone.label != "fax")
    urls = [_host(url.value) for url in fields.urls]
    place = " ".join(line.value for line in fields.postal)
    return {
        "address": (*((email.address, email.confidence) if email else ("", 0.0)), meant["address"]),
        "name": (_plain(name), fields.full_name.confidence, meant["name"]),
        "organisation": (
            _plain(organisation.value),
            organisation.confidence,
            meant["organisation"],
        ),
        "job": (_plain(fields.title.value), fields.title.confidence, meant["job"]),
        "phones": (" ".join(digits), 1.0, meant["phones"]),
        "website": (urls[0] if urls else "", 1.0, meant["website"]),
        "place": (_plain(place), fields.postal_address.confidence, meant["place"]),
    }


def _meant(truth: Any) -> dict[str, str]:
    phones = getattr(truth, "phones", [])
    return {
        "address": truth.email,
        "name": _plain(truth.name),
        "organisation": _plain(
            truth.organisation if hasattr(truth, "organisation") else truth.company
        ),
        "job": _plain(getattr(truth, "job", "")),
        "phones": " ".join(sorted(map(_digits, phones))),
        "website": _host(getattr(truth, "website", "")),
        "place": _plain(getattr(truth, "address", "")),
    }


def _plain(text: str) -> str:
    """Without a nickname in quotes, commas and capitals."""
    text = re.sub(r"[\"“”„].*?[\"“”]", " ", text).replace(",", " ").replace("’", "'")
    # Capitals of Turkish lose what small letters tell.
    return " ".join(text.casefold().replace("ı", "i").replace("i̇", "i").split())


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _host(url: str) -> str:
    return re.sub(r"\A(?:https?://)?(?:www\.)?|/\Z", "", url.lower())
