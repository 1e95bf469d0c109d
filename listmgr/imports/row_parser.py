"""Parse one row by the plan: the person, their data, or why the row cannot be used."""

from __future__ import annotations

import ipaddress
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from listmgr.imports.evidence import Evidence, prove
from listmgr.imports.plan import Plan, Target
from listmgr.imports.readers.csv_rows import (
    OF_ENCODING,
    Broken,
    Row,
)
from listmgr.imports.row_outcomes import (
    STOPS,
    Meaning,
    RowOutcome,
)
from listmgr.imports.value_parsing import (
    STATUS_WORDS,
    moment,
    plain_word,
    wish,
    yes,
)
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.languages import LANGUAGES
from listmgr.subscribers.address import Address, AddressError, parse_address
from listmgr.subscribers.field_catalogue import (
    CORE_FIELDS,
    CatalogueField,
)
from listmgr.subscribers.field_models import FieldKind
from listmgr.subscribers.field_values import MAX_VALUE

_T = Target
TOO_WIDE = N_("The row has more cells than there are columns.")
UNKNOWN_STATUS = N_("The status is a word we do not know; it might mean an opt-out.")
NO_JSON = N_("The column of attributes holds no JSON object.")
CORE_KEYS = frozenset(field.key for field in CORE_FIELDS)
_NAMED = ("first_name", "last_name", "company")


@dataclass(slots=True)
class ParsedRow:
    """A usable row. `evidence` is set only if it is complete."""

    address: Address
    language: str
    first_name: str
    last_name: str
    company: str
    attributes: dict[str, str]
    tags: list[str]
    meaning: Meaning
    stopped_at: datetime | None = None
    evidence: Evidence | None = None
    # Why not, where it was looked for.
    lacking: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An unusable row and the message that says why."""

    verdict: RowOutcome
    reason: str


class RowParser:
    """Parses the rows of one table by a plan."""

    def __init__(
        self,
        plan: Plan,
        fields: Sequence[CatalogueField],
        columns: Sequence[str],
        *,
        table: str = "",
        now: datetime,
        ip_storage: str = "full",
    ) -> None:
        self._plan, self._width, self._now, self._ip = plan, len(columns), now, ip_storage
        places: dict[str, list[int]] = {}
        for at, label in enumerate(columns):
            places.setdefault(plan.columns.get(label, ""), []).append(at)
        self._places = places
        self._words = STATUS_WORDS | {plain_word(w): Meaning(m) for w, m in plan.words.items()}
        declared = plan.tables.get(table)
        self._all = Meaning(declared) if declared else None
        self._stopping = any(places.get(target) for target in _STOP_FLAGS)
        readers = {field.key: reader(field) for field in fields if field.key != "email"}
        self._core = {key: readers[key] for key in _NAMED}
        self._custom = {key: read for key, read in readers.items() if key not in CORE_KEYS}
        self._mapped = [key for key in self._custom if key in places]

    def __call__(self, row: Row) -> ParsedRow | Refusal:
        """Return the person in a row, or why the row cannot be used."""
        if isinstance(row, Broken):
            return self._of_broken(row)
        if len(row) != self._width:
            if any(row[self._width :]):
                return Refusal(RowOutcome.BAD_ROW, TOO_WIDE)
            row = (row + [""] * self._width)[: self._width]
        return self._whom(row)

    def _of_broken(self, row: Broken) -> ParsedRow | Refusal:
        """Refuse a wrongly encoded row, unless it is readable enough to opt someone out."""
        if row.why in OF_ENCODING:
            parsed = self(row.cells)
            if isinstance(parsed, ParsedRow) and parsed.meaning in STOPS:
                return parsed
        return Refusal(RowOutcome.BAD_ROW, row.why)

    def _whom(self, row: list[str]) -> ParsedRow | Refusal:
        try:
            address = parse_address(self._cell(row, "email"))
        except AddressError as error:
            return Refusal(RowOutcome.BAD_ADDRESS, str(error))
        meaning = self._meaning(row)
        if meaning is None:
            return Refusal(RowOutcome.UNCLEAR, UNKNOWN_STATUS)
        if meaning in STOPS:
            return self._stop(row, address, meaning)
        try:
            return self._person(row, address, meaning)
        except InvalidInput as error:
            return Refusal(RowOutcome.BAD_VALUE, str(error))

    def _cell(self, row: list[str], target: str) -> str:
        positions = self._places.get(target)
        return row[positions[0]] if positions else ""

    def _meaning(self, row: list[str]) -> Meaning | None:
        """Return the subscription status in a row; in doubt the one that means less mail. None if
        unknown.
        """
        if self._stopping:
            for target, meaning in _STOP_FLAGS.items():
                if any(yes(row[at]) for at in self._places.get(target, ())):
                    return meaning
        if self._all in STOPS:
            return self._all
        status = self._status(row)
        if _T.WANTS_MAIL not in self._places:
            return status
        return least((*(wish(row[at]) for at in self._places[_T.WANTS_MAIL]), status))

    def _status(self, row: list[str]) -> Meaning | None:
        if _T.STATUS in self._places:
            word = plain_word(self._cell(row, _T.STATUS))
            return self._words.get(word) if word else Meaning.UNCONFIRMED
        if _T.CONFIRMED in self._places and not yes(self._cell(row, _T.CONFIRMED)):
            return Meaning.UNCONFIRMED
        return self._all or Meaning.SUBSCRIBED

    def _stop(self, row: list[str], address: Address, meaning: Meaning) -> ParsedRow:
        """Return an opt-out; read only the address and the date of people who want no mail."""
        times = [moment(row[at]) for at in self._places.get(_T.OPTED_OUT_AT, ())]
        moments = [moment_or_none for moment_or_none in times if moment_or_none is not None]
        return ParsedRow(
            address, "", "", "", "", {}, [], meaning, stopped_at=max(moments, default=None)
        )

    def _person(self, row: list[str], address: Address, meaning: Meaning) -> ParsedRow:
        first, last = self._value(row, "first_name"), self._value(row, "last_name")
        if _T.FULL_NAME in self._places and not (first or last):
            first, last = split_name(self._core["first_name"](self._cell(row, _T.FULL_NAME)))
        person = ParsedRow(
            address,
            self._language(row),
            first,
            last,
            self._value(row, "company"),
            self._attributes(row),
            self._tags(row) if _T.TAGS in self._places else [],
            meaning,
        )
        if self._plan.confirm:
            self._prove(row, person)
        return person

    def _value(self, row: list[str], key: str) -> str:
        positions = self._places.get(key)
        return self._core[key](row[positions[0]]) if positions else ""

    def _language(self, row: list[str]) -> str:
        """Return `de` for de-AT and DE; an unsupported language is ignored, not refused."""
        code = self._cell(row, "language").strip().lower()[:2]
        return code if code in LANGUAGES else ""

    def _attributes(self, row: list[str]) -> dict[str, str]:
        values = {key: self._custom[key](self._cell(row, key)) for key in self._mapped}
        if _T.ATTRIBUTES in self._places and (document := self._cell(row, _T.ATTRIBUTES).strip()):
            values |= self._from_json(document)
        return {key: value for key, value in values.items() if value} if values else values

    def _from_json(self, text: str) -> dict[str, str]:
        """Return the values of a JSON object that belong to fields; the rest has no purpose here
        (L-34).
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, Mapping):
            raise InvalidInput(NO_JSON)
        return {
            key: read(_plain(values[key]))
            for key, read in self._custom.items()
            if isinstance(values.get(key), str | int | float | bool)
        }

    def _tags(self, row: list[str]) -> list[str]:
        text = ",".join(row[at] for at in self._places[_T.TAGS]).replace(";", ",")
        read = self._core["first_name"]
        tags = (read(part.strip().strip('"').strip()) for part in text.split(","))
        return list(dict.fromkeys(tag for tag in tags if tag))

    def _prove(self, row: list[str], person: ParsedRow) -> None:
        if person.meaning is Meaning.UNCONFIRMED:
            person.lacking = N_("The file says that the person has not confirmed.")
            return
        cells = {target: self._cell(row, target).strip() for target in _EVIDENCE}
        evidence = prove(
            at=cells[_T.AGREED_AT],
            how=cells[_T.HOW] or self._plan.how,
            words=cells[_T.WORDS] or self._plan.wording,
            system=cells[_T.SYSTEM] or self._plan.system,
            ip=_ip(cells[_T.IP], self._ip),
            proof=cells[_T.PROOF],
            now=self._now,
        )
        if isinstance(evidence, Evidence):
            person.evidence = evidence
        else:
            person.lacking = evidence


def least(said: Sequence[Meaning | None]) -> Meaning | None:
    """Return the status that means the least mail among several; an unknown word may mean none at
    all.
    """
    for group in (STOPS, {None}, {Meaning.UNCONFIRMED}):
        for meaning in said:
            if meaning in group:
                return meaning
    return Meaning.SUBSCRIBED


_STOP_FLAGS = {
    _T.COMPLAINED: Meaning.COMPLAINED,
    _T.OPTED_OUT: Meaning.UNSUBSCRIBED,
    _T.OPTED_OUT_AT: Meaning.UNSUBSCRIBED,
    _T.BOUNCED: Meaning.BOUNCED,
}
_EVIDENCE = (_T.AGREED_AT, _T.HOW, _T.WORDS, _T.SYSTEM, _T.IP, _T.PROOF)


def reader(field: CatalogueField) -> Callable[[str], str]:
    """Return the field's `parse`, cached for repeated cells and shortened for plain texts."""
    if field.kind is not FieldKind.TEXT:
        return lru_cache(maxsize=4096)(field.parse)

    @lru_cache(maxsize=8192)
    def text(cell: str) -> str:
        cell = cell.strip()
        # What is printable holds no control character, which is all that `parse` would refuse.
        if len(cell) <= MAX_VALUE and cell.isprintable():
            return cell if cell.isascii() else unicodedata.normalize("NFC", cell)
        return field.parse(cell)

    return text


def split_name(name: str) -> tuple[str, str]:
    """Split a name: "Müller, Anna" at the comma, "Anna Müller" at the last space."""
    if "," in name:
        last, _, first = name.partition(",")
    else:
        first, _, last = name.rpartition(" ")
        first, last = (first, last) if first else (last, "")
    return first.strip(), last.strip()


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ip(text: str, storage: str) -> str:
    """Return a valid network address, shortened as the settings require."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if storage == "off":
        return ""
    width = {"full": address.max_prefixlen}.get(storage, 24 if address.version == 4 else 48)
    return str(ipaddress.ip_network(f"{address}/{width}", strict=False).network_address)
