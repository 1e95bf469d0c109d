"""What a search of subscribers asks for, as conditions that test a person or find them by index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.kit.predicate import Predicate, all_of
from listmgr.subscribers.address import AddressError, parse_address
from listmgr.subscribers.fields import CatalogueField

MAX_QUERY = 320
MAX_WORDS = 6
# Shorter ones are in too many addresses: they are looked for at the beginning only.
PART_OCTETS = 3
NAMES = ("first_name", "last_name", "company")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; what is left out does not matter.

    Each word of `query` is a part of an address, a domain (@example.org), or the beginning of a
    name. `value` is one of `field`'s as it is kept. The dates are of the first we heard of the
    person: `since` <= it < `until`.
    """

    query: str = ""
    list_id: int | None = None
    status: ConsentStatus | None = None
    source: ConsentSource | None = None
    tag: str = ""
    field: CatalogueField | None = None
    value: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def words(self) -> list[str]:
        """The words of the query; PostgreSQL takes neither NUL nor lone surrogates."""
        told = ("".join(filter(str.isprintable, word)) for word in self.query[:MAX_QUERY].split())
        return [word for word in told if word][:MAX_WORDS]

    @property
    def of_consents(self) -> bool:
        """Whether it asks for anything of a consent."""
        return any(one is not None for one in (self.list_id, self.status, self.source))

    @property
    def by_date(self) -> bool:
        """Whether it asks for a time; the people then stand in its order."""
        return self.since is not None or self.until is not None

    @property
    def is_empty(self) -> bool:
        """Whether everybody fits."""
        return not (conditions(self) or self.of_consents or self.by_date)


@dataclass(frozen=True, slots=True)
class Condition:
    """`test` is quick for a person at hand, `find` leads to an index; both say the same."""

    test: str
    find: str
    binds: dict[str, object]


def predicate(wanted: Wanted) -> Predicate:
    """Everybody who is wanted, as one condition over `s`: for mass updates and exports."""
    return all_of([Predicate(one.find, one.binds) for one in everything(wanted)])


def everything(wanted: Wanted) -> list[Condition]:
    """All that is asked, each by itself."""
    found = conditions(wanted)
    found += [dates(wanted)] if wanted.by_date else []
    found += [of_consents(wanted)] if wanted.of_consents else []
    return found


def conditions(wanted: Wanted) -> list[Condition]:
    """What is asked of the person alone: words, tag, field."""
    found = [_word(number, word) for number, word in enumerate(wanted.words)]
    if wanted.tag:
        found.append(_same("s.tags @> CAST(:tag AS text[])", tag=[wanted.tag]))
    if wanted.field is not None and wanted.value:
        found.append(_field(wanted.field, wanted.value))
    return found


def dates(wanted: Wanted) -> Condition:
    """Since when we know of the person."""
    asked = {"since": wanted.since, "until": wanted.until}
    signs = {"since": ">=", "until": "<"}
    told = {name: at for name, at in asked.items() if at is not None}
    return _same(" AND ".join(f"s.created_at {signs[name]} :{name}" for name in told), **told)


def of_consents(wanted: Wanted) -> Condition:
    """One consent that is all of what is asked."""
    asked = {"list_id": wanted.list_id, "status": wanted.status, "source": wanted.source}
    told: dict[str, object] = {
        name: value if isinstance(value, int) else str(value)
        for name, value in asked.items()
        if value is not None
    }
    tests = "".join(f" AND c.{name} = :{name}" for name in told)
    return _same(
        f"EXISTS (SELECT FROM consents c WHERE c.subscriber_id = s.id{tests})",
        **told,
    )


def _same(sql: str, **binds: object) -> Condition:
    return Condition(sql, sql, binds)


def _field(field: CatalogueField, value: str) -> Condition:
    if not field.core:
        held = json.dumps({field.key: value})
        return _same("s.attributes @> CAST(:value AS jsonb)", value=held)
    if field.key == "email":
        return _word(MAX_WORDS, value)
    if field.key == "language":
        return _same("s.language = :value", value=value)
    name = f"s.{field.key}"
    return _same(f"{name} <> '' AND lower({name}) = lower(:value)", value=value)


def _word(number: int, word: str) -> Condition:
    if word.startswith("@"):
        return _of_domain(number, word[1:])
    part, beginning = f"part{number}", f"beginning{number}"
    key = _key(word)
    short = len(key.encode()) < PART_OCTETS
    binds: dict[str, object] = {part: like(key, anywhere=not short)}
    tests = [f"{{}}.address_key LIKE :{part}"]
    finds = list(tests)
    if not short:
        binds[f"octets{number}"] = _octets(key)
        finds[0] += f" AND text_parts({{}}.address_key) @> CAST(:octets{number} AS bytea[])"
    if "@" not in word:
        binds |= {beginning: like(word), f"domain{number}": _domain(word)}
        tests += [
            f"{{}}.{name} <> '' AND lower({{}}.{name}) LIKE lower(:{beginning})" for name in NAMES
        ]
        tests.append(f"{{}}.domain = :domain{number}")
        finds += tests[1:]
    union = " UNION ALL ".join(
        f"SELECT x.id FROM subscribers x WHERE {one.replace('{}', 'x')}" for one in finds
    )
    test = " OR ".join(f"({one.replace('{}', 's')})" for one in tests)
    return Condition(test, f"s.id IN ({union})", binds)


def _of_domain(number: int, told: str) -> Condition:
    """A domain with a dot is meant as it is, one without is the beginning of one."""
    name, domain = f"domain{number}", _domain(told)
    if "." in domain:
        return _same(f"s.domain = :{name}", **{name: domain})
    return _same(f"s.domain LIKE :{name}", **{name: like(domain)})


def _key(word: str) -> str:
    """As addresses are kept; a part of one that is none yet, folded."""
    try:
        return parse_address(word).key
    except AddressError:
        return word.casefold()


def _domain(text: str) -> str:
    """The domain as addresses keep it; what is none finds nobody."""
    try:
        return parse_address(f"a@{text}").domain
    except AddressError:
        return text.casefold()


def like(text: str, *, anywhere: bool = False) -> str:
    """A pattern for LIKE that means the text itself: at the beginning, or anywhere."""
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%" if anywhere else f"{plain}%"


def _octets(text: str) -> list[bytes]:
    """The parts the index `ix_subscribers_parts` knows the text by."""
    octets = text.encode()
    return sorted({octets[at : at + PART_OCTETS] for at in range(len(octets) - PART_OCTETS + 1)})
