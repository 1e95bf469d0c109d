"""Finds subscribers by address, domain, list and station, page by page, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent
from listmgr.kit.errors import NotFound
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.address import AddressError, parse_address
from listmgr.subscribers.models import Subscriber

PAGE = 50
COUNTED = 10_000
MAX_QUERY = 320


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for. `query` is an address, its beginning, or a domain."""

    query: str = ""
    list_id: int | None = None
    status: ConsentStatus | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One consent of a person, in a word."""

    list_name: str
    purpose: Purpose
    status: ConsentStatus


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a page with where their consents stand, the newest of each purpose."""

    subscriber: Subscriber
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some people, newest first. `older` is the id to go on below, None at the end."""

    rows: tuple[Row, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many people match; beyond what is worth counting it is PostgreSQL's estimate."""

    number: int
    exact: bool


def find(session: Session, wanted: Wanted, *, below: int | None = None, size: int = PAGE) -> Page:
    """One page of people; each costs the same, the thousandth like the first."""
    query = _matching(wanted).order_by(Subscriber.id.desc()).limit(size + 1)
    if below is not None:
        query = query.where(Subscriber.id < below)
    found = session.scalars(query).all()
    people = found[:size]
    standings = _standings(session, [person.id for person in people])
    return Page(
        rows=tuple(Row(person, tuple(standings.get(person.id, ()))) for person in people),
        older=people[-1].id if len(found) > size else None,
    )


def count(session: Session, wanted: Wanted) -> Count:
    """Exact up to ten thousand, an estimate of the planner beyond."""
    query = _matching(wanted).with_only_columns(Subscriber.id)
    some = sa.select(sa.func.count()).select_from(query.limit(COUNTED + 1).subquery())
    number = session.scalars(some).one()
    if number <= COUNTED:
        return Count(number, exact=True)
    [plan] = session.execute(_Explained(query)).scalar_one()
    return Count(max(number, int(plan["Plan"]["Plan Rows"])), exact=False)


class _Explained(sa.Executable, sa.ClauseElement):
    """What PostgreSQL's planner thinks of a query, which costs nothing."""

    inherit_cache = False

    def __init__(self, query: sa.Select[int]) -> None:
        self.query = query


@compiles(_Explained)
def _explained(element: _Explained, compiler: sa.Compiled, **options: object) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.query, **options)}"


def find_subscriber(session: Session, subscriber_id: int) -> Subscriber:
    """The person, to look at; raises NotFound."""
    found = session.get(Subscriber, subscriber_id)
    if found is None:
        raise NotFound("There is no such subscriber. They may have been erased.")
    return found


def _matching(wanted: Wanted) -> sa.Select[Subscriber]:
    query = sa.select(Subscriber)
    if wanted.query.strip():
        query = query.where(_address_like(wanted.query.strip()[:MAX_QUERY]))
    if wanted.list_id is None and wanted.status is None:
        return query
    stands = sa.select(Consent.id).where(Consent.subscriber_id == Subscriber.id)
    if wanted.list_id is not None:
        stands = stands.where(Consent.list_id == wanted.list_id)
    if wanted.status is not None:
        stands = stands.where(Consent.status == wanted.status)
    return query.where(stands.exists())


def _address_like(typed: str) -> sa.ColumnElement[bool]:
    """@domain finds a domain; anything else is the beginning of an address, or a domain."""
    # PostgreSQL takes neither NUL nor lone surrogates; no address has them.
    text = "".join(char for char in typed if char.isprintable() and not char.isspace())
    if text.startswith("@"):
        return Subscriber.domain == _domain(text[1:])
    try:
        beginning = parse_address(text).key
    except AddressError:
        beginning = text.casefold()
    starts = Subscriber.address_key.startswith(beginning, autoescape=True)
    return starts if "@" in text else starts | (Subscriber.domain == _domain(text))


def _domain(text: str) -> str:
    """The domain as addresses keep it; what is none finds nobody."""
    try:
        return parse_address(f"a@{text}").domain
    except AddressError:
        return text.casefold()


def _standings(session: Session, ids: Sequence[int]) -> dict[int, list[Standing]]:
    rows = session.execute(
        sa.select(Consent.subscriber_id, Consent.status, MailingList.name, Purpose)
        .join(MailingList, MailingList.id == Consent.list_id)
        .join(Purpose, Purpose.id == Consent.purpose_id)
        .where(Consent.subscriber_id.in_(ids))
        .ext(distinct_on(Consent.subscriber_id, Consent.purpose_id))
        .order_by(Consent.subscriber_id, Consent.purpose_id, Consent.id.desc())
    )
    found: dict[int, list[Standing]] = {}
    for subscriber_id, status, list_name, purpose in rows:
        found.setdefault(subscriber_id or 0, []).append(Standing(list_name, purpose, status))
    return found
