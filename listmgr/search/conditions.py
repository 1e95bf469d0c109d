"""A search of subscribers as conditions that test a person or find people by index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.kit.sql_condition import (
    Predicate,
    all_of,
)
from listmgr.subscribers.address import AddressError, parse_address
from listmgr.subscribers.field_catalogue import CatalogueField
from listmgr.subscribers.search_terms import (
    PART_OCTETS,
    local_of,
    octets,
    of_domain,
    of_language,
    of_name,
    parts_of,
    terms_of,
)

MAX_QUERY = 320
MAX_WORDS = 6
NAMES = ("first_name", "last_name", "company")


@dataclass(frozen=True, slots=True)
class SubscriberQuery:
    """The search; empty parts do not restrict it.

    Each word of `query` is a part of an address's local part, the beginning of a label of its
    domain (or a domain: @example.org), or the beginning of a name. `value` is one of `field`'s as
    stored. The dates are when the person was added: `since` <= it < `until`.
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
        """The words of the query; without NUL and lone surrogates, which PostgreSQL rejects."""
        printable = (
            "".join(filter(str.isprintable, word)) for word in self.query[:MAX_QUERY].split()
        )
        return [word for word in printable if word][:MAX_WORDS]

    @property
    def of_consents(self) -> bool:
        """Whether it asks for properties of a consent."""
        return any(value is not None for value in (self.list_id, self.status, self.source))

    @property
    def by_date(self) -> bool:
        """Whether it asks for a time; results are then in its order."""
        return self.since is not None or self.until is not None

    @property
    def is_empty(self) -> bool:
        """Whether everybody matches."""
        return not (conditions(self) or self.of_consents or self.by_date)


@dataclass(frozen=True, slots=True)
class Condition:
    """`test` is fast for a given person, `find` uses an index; both mean the same."""

    test: str
    find: str
    binds: dict[str, object]


def predicate(search: SubscriberQuery) -> Predicate:
    """Return the search as one condition over `s`, for mass updates and exports."""
    return all_of([Predicate(condition.find, condition.binds) for condition in everything(search)])


def everything(search: SubscriberQuery) -> list[Condition]:
    """Return all conditions of the search."""
    parts = conditions(search)
    parts += [dates(search)] if search.by_date else []
    parts += [of_consents(search)] if search.of_consents else []
    return parts


def conditions(search: SubscriberQuery) -> list[Condition]:
    """Return the conditions on the person: words, tag, field."""
    parts = [_word(number, word) for number, word in enumerate(search.words)]
    if search.tag:
        parts.append(_same("s.tags @> CAST(:tag AS text[])", tag=[search.tag]))
    if search.field is not None and search.value:
        parts.append(_field(search.field, search.value))
    return parts


def dates(search: SubscriberQuery) -> Condition:
    """Return the condition on when the person was added."""
    asked = {"since": search.since, "until": search.until}
    signs = {"since": ">=", "until": "<"}
    binds = {name: at for name, at in asked.items() if at is not None}
    return _same(" AND ".join(f"s.created_at {signs[name]} :{name}" for name in binds), **binds)


def of_consents(search: SubscriberQuery) -> Condition:
    """Return the condition that one consent has all the requested properties."""
    asked = {"list_id": search.list_id, "status": search.status, "source": search.source}
    binds: dict[str, object] = {
        name: value if isinstance(value, int) else str(value)
        for name, value in asked.items()
        if value is not None
    }
    tests = "".join(f" AND c.{name} = :{name}" for name in binds)
    return _same(
        f"EXISTS (SELECT FROM consents c WHERE c.subscriber_id = s.id{tests})",
        **binds,
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
        test, term = "s.language = :value", of_language(value)
        return _known_as(test, "CAST(:term AS tsquery)", value=value, term=term)
    name = f"s.{field.key}"
    test = f"{name} <> '' AND lower({name}) = lower(:value)"
    return _known_as(test, of_name(":value", whole=True), value=value)


def _known_as(test: str, query: str, **binds: object) -> Condition:
    """Return a condition found by the terms' index; only the test is exact."""
    return Condition(test, f"{terms_of('s')} @@ {query} AND {test}", binds)


def _word(number: int, word: str) -> Condition:
    """Return the ways a word may be meant, each with a test and an index query."""
    if word.startswith("@"):
        return _of_domain(number, word[1:])
    key = _key(word)
    local, at, domain = key.rpartition("@")
    ways, binds = _of_address(number, key, local + at if at else key, domain if at else "")
    if not at:
        ways.append(_of_names(number))
        binds[f"begun{number}"] = like(word)
        binds[f"name{number}"] = word
        domain = _domain(word)
        if len(domain.encode()) >= PART_OCTETS and (term := of_domain(domain)):
            ways.append(_of_domain_words(number))
            binds |= {f"dot{number}": like(f".{domain}", anywhere=True), f"term{number}": term}
            binds[f"dash{number}"] = like(f"-{domain}", anywhere=True)
    union = " UNION ALL ".join(
        f"SELECT x.id FROM subscribers x WHERE {by_index.format('x')}({test.format('x')})"
        for test, by_index in ways
    )
    test = " OR ".join(f"({part.format('s')})" for part, _known in ways)
    return Condition(test, f"s.id IN ({union})", binds)


# A test of somebody called {0}, and the index's condition with its AND.
_Way = tuple[str, str]


def _of_address(
    number: int, key: str, local: str, domain: str
) -> tuple[list[_Way], dict[str, object]]:
    """Match a part of a local part, optionally followed by the beginning of a domain."""
    if len(local.encode()) < PART_OCTETS:
        return [(f"{{0}}.address_key LIKE :part{number}", "")], {f"part{number}": like(key)}
    binds: dict[str, object] = {
        f"part{number}": like(key, anywhere=True),
        f"octets{number}": octets(local),
    }
    by_index = f"{parts_of('{0}')} @> CAST(:octets{number} AS bytea[]) AND "
    if not domain:
        return [(f"{local_of('{0}')} LIKE :part{number}", by_index)], binds
    if term := of_domain(domain):
        binds[f"behind{number}"] = term
        by_index += f"{terms_of('{0}')} @@ CAST(:behind{number} AS tsquery) AND "
    return [(f"{{0}}.address_key LIKE :part{number}", by_index)], binds


def _of_names(number: int) -> _Way:
    tests = (
        f"({{0}}.{name} <> '' AND lower({{0}}.{name}) LIKE lower(:begun{number}))" for name in NAMES
    )
    return " OR ".join(tests), f"{terms_of('{0}')} @@ {of_name(f':name{number}')} AND "


def _of_domain_words(number: int) -> _Way:
    test = f"'.' || {{0}}.domain LIKE :dot{number} OR {{0}}.domain LIKE :dash{number}"
    return test, f"{terms_of('{0}')} @@ CAST(:term{number} AS tsquery) AND "


def _of_domain(number: int, text: str) -> Condition:
    """Match a domain: exactly if it has a dot, else by its beginning."""
    name, domain = f"domain{number}", _domain(text)
    whole = "." in domain
    test = f"s.domain = :{name}" if whole else f"s.domain LIKE :{name}"
    binds: dict[str, object] = {name: domain if whole else like(domain)}
    if not (term := of_domain(domain, whole=whole)):
        return Condition(test, test, binds)
    query = f"CAST(:term{number} AS tsquery)"
    return _known_as(test, query, **binds, **{f"term{number}": term})


def _key(word: str) -> str:
    """Normalize an address; fold a part of one."""
    try:
        return parse_address(word).key
    except AddressError:
        return word.casefold()


def _domain(text: str) -> str:
    """Normalize a domain; an invalid one matches nobody."""
    try:
        return parse_address(f"a@{text}").domain
    except AddressError:
        return text.casefold()


def like(text: str, *, anywhere: bool = False) -> str:
    """Return a LIKE pattern for the literal text, at the beginning or anywhere."""
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%" if anywhere else f"{plain}%"
