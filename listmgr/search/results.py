"""Pages of subscribers, in both directions and as fast on the thousandth page as on the first.

Two strategies find a page. If many people match, scanning the newest two thousand ends early. If
few match, an index returns all of them, and they are sorted. PostgreSQL is never left to choose: a
wrong guess would scan everybody.

If several frequent conditions hold together for few or no people, no index finds those: a page then
scans the next people, shows its matches and leads on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent
from listmgr.kit.errors import NotFound
from listmgr.lists.models import MailingList, Purpose
from listmgr.search.conditions import (
    MAX_QUERY,
    Condition,
    SubscriberQuery,
    conditions,
    dates,
    everything,
    of_consents,
)
from listmgr.search.query_planner import (
    planned_anew,
    rarest_first,
)
from listmgr.subscribers.models import Subscriber

__all__ = ["MAX_QUERY", "Facets", "Page", "Row", "SubscriberQuery", "find_page"]

PAGE = 50
# How many people are looked through before an index is asked.
WALK = 2_000
# How many people are looked through where no index leads to few.
FURTHER = 10_000


@dataclass(frozen=True, slots=True)
class Facets:
    """One consent of a person, in short."""

    list_name: str
    purpose: Purpose
    status: ConsentStatus


@dataclass(frozen=True, slots=True)
class Row:
    """One person with the newest consent of each purpose."""

    subscriber: Subscriber
    standings: tuple[Facets, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """People, newest first. `older` and `newer` are the ids to continue from; None at an end.

    A page may be short or empty and still have a next one, if older people were not examined yet.
    `total` is the number of matches, if all are on this page.
    """

    rows: tuple[Row, ...]
    older: int | None
    newer: int | None = None
    total: int | None = None


def find_page(
    session: Session,
    search: SubscriberQuery,
    *,
    below: int | None = None,
    above: int | None = None,
    size: int = PAGE,
) -> Page:
    """Return a page of people: the newest, those `below` an id, or those `above` one."""
    if above is not None:
        ids, reached, _total = _ids(session, search, _Turn(above, older=False, most=size + 1))
        if len(ids) >= size:
            page = ids[size - 1 :: -1]
            newer = page[0] if len(ids) > size else None
            return Page(_rows(session, page), older=page[-1], newer=newer)
        if reached is not None:
            page = ids[::-1]
            return Page(_rows(session, page), older=page[-1] if page else above, newer=reached)
        # So near the top the first page shows them all.
        below = None
    first = _ids(session, search, _Turn(below, older=True, most=size + 1))
    ids, reached, _total = first
    page = ids[:size]
    return Page(
        _rows(session, page),
        older=page[-1] if len(ids) > size else reached,
        newer=(page[0] if page else reached and below) if below is not None else None,
        total=_total_of(first, size) if below is None else None,
    )


def known_total(session: Session, search: SubscriberQuery) -> int | None:
    """Return the number of matches if reading the first page reveals it, else None."""
    return _total_of(_ids(session, search, _Turn(None, older=True, most=PAGE + 1)), PAGE)


def find_subscriber(session: Session, subscriber_id: int) -> Subscriber:
    """Return the person for reading. Raises NotFound."""
    subscriber = session.get(Subscriber, subscriber_id)
    if subscriber is None:
        raise NotFound("There is no such subscriber. They may have been erased.")
    return subscriber


def known_tags(session: Session, *, most: int = 100) -> list[str]:
    """Return tags to choose from: frequent ones, and those of the newest people."""
    tags = session.scalars(
        sa.text(
            "SELECT DISTINCT tag FROM (SELECT unnest(most_common_elems::text::text[]) AS tag"
            "  FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'subscribers'"
            "   AND attname = 'tags' UNION ALL SELECT unnest(tags) FROM"
            "   (SELECT tags FROM subscribers ORDER BY id DESC LIMIT 1000) newest) t"
            " ORDER BY tag LIMIT :most"
        ),
        {"most": most},
    )
    return list(tags)


def tidy(session: Session) -> None:
    """Merge new rows into the search index, so that searches need not scan its pending list."""
    session.execute(sa.text("SELECT tidy_search_index()"))


@dataclass(frozen=True, slots=True)
class _Turn:
    """Where to start, in which direction, and the maximum number of people."""

    seen: int | None
    older: bool
    most: int

    def order(self, *keys: str) -> str:
        return ", ".join(f"{key} {'DESC' if self.older else 'ASC'}" for key in keys)

    def beyond(self, key: str) -> str:
        return "true" if self.seen is None else f"{key} {'<' if self.older else '>'} :seen"

    def beyond_by_date(self) -> str:
        if self.seen is None:
            return "true"
        sign = "<" if self.older else ">"
        return (
            f"(s.created_at, s.id) {sign}"
            " (SELECT k.created_at, k.id FROM subscribers k WHERE k.id = :seen)"
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """SQL for people in page order, at most {most} of them.

    `left`: conditions still to test for each; if empty, the SQL itself yields the page.
    """

    people: str
    left: list[Condition]
    order: str
    beyond: str


class _FoundPeople(NamedTuple):
    """People in page order, and where the scan stopped if there are more.

    `total` is how many there are from here on, if an index returned all of them.
    """

    ids: list[int]
    reached: int | None = None
    total: int | None = None


def _total_of(ids: _FoundPeople, size: int) -> int | None:
    all_here = ids.reached is None and len(ids.ids) <= size
    return len(ids.ids) if all_here else ids.total


def _ids(session: Session, search: SubscriberQuery, turn: _Turn) -> _FoundPeople:
    way, asked = _way(search, turn), everything(search)
    binds = {name: value for item in asked for name, value in item.binds.items()}
    binds |= {"n": turn.most, "seen": turn.seen, "stations": [str(item) for item in ConsentStatus]}
    with planned_anew(session):
        ids = _walked(session, way, WALK if way.left else turn.most, binds)
        if len(ids) == turn.most or not way.left:
            return _FoundPeople(ids)
        if len(asked) == 1:
            return _gathered(session, way, asked[0].find, binds)
        led = rarest_first(session, asked)
        if not led.is_many:
            return _gathered(session, way, led.predicate.sql, binds)
        ids = _walked(session, way, FURTHER, binds)
        if len(ids) == turn.most:
            return _FoundPeople(ids)
        end = f"SELECT s.id FROM ({way.people.format(most=FURTHER)}) s ORDER BY {way.order}"
        reached = session.scalar(sa.text(f"{end} OFFSET {FURTHER - 1} LIMIT 1"), binds)
        return _FoundPeople(ids, reached)


def _walked(session: Session, way: _Way, most: int, binds: dict[str, object]) -> list[int]:
    tests = " AND ".join(f"({condition.test})" for condition in way.left) or "true"
    people = way.people.format(most=most)
    walk = f"SELECT s.id FROM ({people}) s WHERE {tests} ORDER BY {way.order} LIMIT :n"
    return list(session.scalars(sa.text(walk), binds))


def _gathered(session: Session, way: _Way, finds: str, binds: dict[str, object]) -> _FoundPeople:
    gather = (
        "WITH found AS MATERIALIZED (SELECT s.id, s.created_at FROM subscribers s"
        f" WHERE {finds} AND {way.beyond})"
        f" SELECT s.id, (SELECT count(*) FROM found) FROM found s ORDER BY {way.order} LIMIT :n"
    )
    rows = session.execute(sa.text(gather), binds).all()
    return _FoundPeople([row[0] for row in rows], total=rows[0][1] if rows else 0)


def _way(search: SubscriberQuery, turn: _Turn) -> _Way:
    left = conditions(search)
    if search.by_date:
        beyond, order = turn.beyond_by_date(), turn.order("s.created_at", "s.id")
        people = (
            f"SELECT s.* FROM subscribers s WHERE {dates(search).test} AND {beyond}"
            f" ORDER BY {order} LIMIT {{most}}"
        )
        left += [of_consents(search)] if search.of_consents else []
        return _Way(people, left, order, beyond)
    beyond, order = turn.beyond("s.id"), turn.order("s.id")
    source_only = search.source and search.list_id is None and search.status is None
    if source_only or search.list_id or (search.status and not left):
        statement = _by_source(turn) if source_only else _by_station(search, turn)
        people = f"SELECT s.* FROM ({statement}) k JOIN subscribers s ON s.id = k.id"
        left += [of_consents(search)] if search.source and not source_only else []
        return _Way(people, left, order, beyond)
    left += [of_consents(search)] if search.of_consents else []
    people = f"SELECT s.* FROM subscribers s WHERE {beyond} ORDER BY {order} LIMIT {{most}}"
    return _Way(people, left, order, beyond)


def _by_source(turn: _Turn) -> str:
    return (
        "SELECT DISTINCT c.subscriber_id AS id FROM consents c WHERE c.source = :source"
        f" AND c.subscriber_id IS NOT NULL AND {turn.beyond('c.subscriber_id')}"
        f" ORDER BY {turn.order('c.subscriber_id')} LIMIT {{most}}"
    )


def _by_station(search: SubscriberQuery, turn: _Turn) -> str:
    """Return the next people of each list and status, each read from its position in one index."""
    lists = "SELECT CAST(:list_id AS bigint)" if search.list_id else "SELECT id FROM mailing_lists"
    stations = "ARRAY[:status]" if search.status else ":stations"
    return (
        f"SELECT DISTINCT c.id FROM ({lists}) l (id)"
        f" CROSS JOIN unnest(CAST({stations} AS text[])) w (status) CROSS JOIN LATERAL"
        " (SELECT DISTINCT c.subscriber_id AS id FROM consents c WHERE c.list_id = l.id"
        "  AND c.status = w.status AND c.subscriber_id IS NOT NULL"
        f"  AND {turn.beyond('c.subscriber_id')}"
        f"  ORDER BY {turn.order('c.subscriber_id')} LIMIT {{most}}) c"
        f" ORDER BY {turn.order('c.id')} LIMIT {{most}}"
    )


def _rows(session: Session, ids: Sequence[int]) -> tuple[Row, ...]:
    people = session.scalars(sa.select(Subscriber).where(Subscriber.id.in_(ids)))
    by_id = {person.id: person for person in people}
    standings = _standings(session, ids)
    return tuple(
        Row(by_id[person_id], tuple(standings.get(person_id, ())))
        for person_id in ids
        if person_id in by_id
    )


def _standings(session: Session, ids: Sequence[int]) -> dict[int, list[Facets]]:
    rows = session.execute(
        sa.select(Consent.subscriber_id, Consent.status, MailingList.name, Purpose)
        .join(MailingList, MailingList.id == Consent.list_id)
        .join(Purpose, Purpose.id == Consent.purpose_id)
        .where(Consent.subscriber_id.in_(ids))
        .ext(distinct_on(Consent.subscriber_id, Consent.purpose_id))
        .order_by(Consent.subscriber_id, Consent.purpose_id, Consent.id.desc())
    )
    by_person: dict[int, list[Facets]] = {}
    for subscriber_id, status, list_name, purpose in rows:
        by_person.setdefault(subscriber_id or 0, []).append(Facets(list_name, purpose, status))
    return by_person
