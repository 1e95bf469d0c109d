"""Searching people: the quick way and the sure way find the same, page by page, both ways."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent import consent_statistics
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ConsentMove, ConsentSource
from listmgr.search import (
    query_planner,
    results,
)
from listmgr.search.conditions import (
    everything,
    predicate,
)
from listmgr.search.counts import (
    Count,
    count,
)
from listmgr.search.results import SubscriberQuery
from listmgr.subscribers.field_catalogue import CORE_FIELDS
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
    make_subscriber,
)

NAMES = ("anna", "Änne", "bernd_x", "b%", "x")
DOMAINS = ("example.org", "example.com", "müller.example", "mail.example.org")
COMPANIES = ("", "Bau GmbH", "Änderungs-Schneiderei", "bau & Söhne")


@pytest.fixture
def crowd(uow, superuser) -> None:
    """Sixty people of two lists, in no order of anything."""
    told = random.Random(5)
    sources: dict[int, str] = {}
    with uow() as tx:
        notices = [make_list(tx)[2], make_list(tx, "events")[2]]
        for number in range(60):
            at = NOW - timedelta(days=told.randrange(40))
            address = f"{told.choice(NAMES)}{number}@{told.choice(DOMAINS)}"
            person = make_subscriber(tx, address, at)
            person.created_at = at
            person.last_name = told.choice(("", "Ärmel", "Weiß", "O'Neill"))
            person.company = told.choice(COMPANIES)
            person.language = told.choice(("de", "en"))
            person.tags = told.sample(["vip", "Messe 2026"], told.randrange(3))
            person.attributes = {"city": told.choice(("Köln", "Kiel"))} if number % 2 else {}
            for later, notice in enumerate(told.sample(notices, told.randrange(3))):
                make = told.choice((make_confirmed, make_pending))
                # A mailbox is asked at most once a day.
                made = make(tx, address, notice, at + timedelta(days=2 * later))
                sources[made.id] = told.choice((ConsentSource.FORM, ConsentSource.CARD))
    with superuser.begin() as connection:
        for consent_id, source in sources.items():
            connection.execute(
                sa.text("UPDATE consents SET source = :source WHERE id = :id"),
                {"source": source, "id": consent_id},
            )


FIELDS = {field.key: field for field in CORE_FIELDS}
SEARCHES = [
    SubscriberQuery(),
    SubscriberQuery("an"),
    SubscriberQuery("nne"),
    SubscriberQuery("ÄNNE"),
    SubscriberQuery("bau"),
    SubscriberQuery("ärm example"),
    SubscriberQuery("_x"),
    SubscriberQuery("b%"),
    SubscriberQuery("@example.org"),
    SubscriberQuery("@example"),
    SubscriberQuery("müller.example"),
    SubscriberQuery("1@example"),
    SubscriberQuery("na1@exam"),
    SubscriberQuery("a@"),
    SubscriberQuery("o'n"),
    SubscriberQuery("mail.exam"),
    SubscriberQuery("-"),
    SubscriberQuery("&"),
    SubscriberQuery("\\"),
    SubscriberQuery("nothing at all"),
    SubscriberQuery(tag="vip"),
    SubscriberQuery(field=FIELDS["last_name"], value="ärmel"),
    SubscriberQuery(field=FIELDS["language"], value="en"),
    SubscriberQuery(field=FIELDS["email"], value="anna"),
    SubscriberQuery(list_id=1),
    SubscriberQuery(list_id=2, status=ConsentStatus.PENDING),
    SubscriberQuery(status=ConsentStatus.CONFIRMED),
    SubscriberQuery(source=ConsentSource.CARD),
    SubscriberQuery(list_id=1, source=ConsentSource.CARD),
    SubscriberQuery("example", list_id=1, status=ConsentStatus.CONFIRMED),
    SubscriberQuery(since=NOW - timedelta(days=20)),
    SubscriberQuery(until=NOW - timedelta(days=10), since=NOW - timedelta(days=30)),
    SubscriberQuery("bau", status=ConsentStatus.CONFIRMED, since=NOW - timedelta(days=30)),
    SubscriberQuery("org", tag="Messe 2026", source=ConsentSource.FORM),
]


def fits(wanted: SubscriberQuery, person: Subscriber, consents: list[Consent]) -> bool:
    """The same in Python, from the words of `SubscriberQuery` alone."""
    tests = [all(_has(person, word) for word in wanted.query.split())]
    if wanted.tag:
        tests.append(wanted.tag in person.tags)
    if wanted.field is not None:
        key = wanted.field.key
        if key == "email":
            tests.append(_has(person, wanted.value))
        else:
            tests.append(getattr(person, key).casefold() == wanted.value.casefold())
    if wanted.since:
        tests.append(person.created_at >= wanted.since)
    if wanted.until:
        tests.append(person.created_at < wanted.until)
    if wanted.of_consents:
        asked = {"list_id": wanted.list_id, "status": wanted.status, "source": wanted.source}
        told = {name: value for name, value in asked.items() if value is not None}
        tests.append(any(all(getattr(one, n) == v for n, v in told.items()) for one in consents))
    return all(tests)


def _has(person: Subscriber, word: str) -> bool:
    folded = word.casefold()
    shown = person.address.rpartition("@")[2]
    if word.startswith("@"):
        whole = "." in word
        return shown == folded[1:] if whole else person.domain.startswith(folded[1:])
    names = (person.first_name, person.last_name, person.company)
    if any(name.casefold().startswith(folded) for name in names if name):
        return True
    where, (local, _, domain) = person.address_key, person.address_key.rpartition("@")
    if len((folded.partition("@")[0] + "@" * ("@" in folded)).encode()) < 3:
        return where.startswith(folded)
    if "@" in folded:
        return folded in where
    # Shown by its own letters, kept as an A-label.
    begun = any(mark + folded in mark + text for mark in ".-" for text in (shown, domain))
    return folded in local or begun


@pytest.mark.parametrize("walk", [3, 2_000])
def test_every_search_finds_whom_it_should_page_by_page_both_ways(crowd, uow, monkeypatch, walk):
    monkeypatch.setattr(results, "WALK", walk)
    with uow() as tx:
        people = tx.session.scalars(sa.select(Subscriber)).all()
        consents = tx.session.scalars(sa.select(Consent)).all()
        found_somebody = 0
        for wanted in SEARCHES:
            theirs = {p.id: [c for c in consents if c.subscriber_id == p.id] for p in people}
            right = [p for p in people if fits(wanted, p, theirs[p.id])]
            right.sort(key=lambda p: (p.created_at if wanted.by_date else NOW, p.id), reverse=True)
            ids = [person.id for person in right]
            assert down(tx.session, wanted) == ids, wanted
            assert up(tx.session, wanted, ids) == ids[: len(ids) // 4 * 4 or 4], wanted
            assert count(tx.session, wanted) == Count(len(ids), exact=True)
            told = predicate(wanted)
            everybody = tx.session.scalars(
                sa.text(f"SELECT s.id FROM subscribers s WHERE {told.sql}"), dict(told.binds)
            )
            assert sorted(everybody) == sorted(ids), wanted
            found_somebody += bool(ids)
        # Eight ask for what nobody here has.
        assert found_somebody == len(SEARCHES) - 8


@pytest.mark.parametrize("further", [5, 20_000])
def test_what_is_frequent_each_and_rare_together_is_looked_for_step_by_step(
    crowd, uow, monkeypatch, further
):
    monkeypatch.setattr(results, "WALK", 3)
    monkeypatch.setattr(results, "FURTHER", further)
    monkeypatch.setattr(query_planner, "MANY", 0)
    with uow() as tx:
        several = [wanted for wanted in SEARCHES if len(everything(wanted)) > 1]
        assert len(several) >= 4
        steps = 0
        for wanted in several:
            told = predicate(wanted)
            right = tx.session.scalars(
                sa.text(f"SELECT s.id FROM subscribers s WHERE {told.sql}"), dict(told.binds)
            ).all()
            seen, page = [], results.find_page(tx.session, wanted, size=4)
            while True:
                seen += [row.subscriber.id for row in page.rows]
                if page.older is None:
                    break
                steps += 1
                page = results.find_page(tx.session, wanted, below=page.older, size=4)
            assert sorted(seen) == sorted(right), wanted
            if page.newer is not None:
                back = results.find_page(tx.session, wanted, above=page.newer, size=4)
                assert {row.subscriber.id for row in back.rows} <= set(right)
        assert steps or further > 5


def down(session, wanted: SubscriberQuery) -> list[int]:
    seen: list[int] = []
    below = None
    while True:
        page = results.find_page(session, wanted, below=below, size=4)
        seen += [row.subscriber.id for row in page.rows]
        if page.older is None:
            return seen
        assert page.older == seen[-1]
        below = page.older


def up(session, wanted: SubscriberQuery, ids: list[int]) -> list[int]:
    """From the last full page back to the first."""
    last = (len(ids) // 4) * 4
    if not last:
        return ids[:4]
    page = results.find_page(session, wanted, above=ids[last - 1], size=4) if last > 4 else None
    seen = ids[last - 4 : last]
    while page is not None:
        rows = [row.subscriber.id for row in page.rows]
        seen = rows + [one for one in seen if one not in rows]
        page = results.find_page(session, wanted, above=page.newer, size=4) if page.newer else None
    return seen


def test_a_part_is_found_however_late_it_stands_in_a_long_address(uow):
    local = "a" * 30 + ".needle." + "b" * 25
    with uow() as tx:
        make_subscriber(tx, f"{local}@{'c' * 60}.{'d' * 60}.example.org", NOW)
        make_subscriber(tx, "short@other.org", NOW)
        results.tidy(tx.session)
    with uow() as tx:
        for query in ("needle", "bb@c", "dddd", f"{'d' * 60}.exam", "exam"):
            [row] = results.find_page(tx.session, SubscriberQuery(query)).rows
            assert row.subscriber.address.startswith("aaa")


def test_tags_to_choose_from(crowd, uow, superuser):
    with superuser.begin() as connection:
        # What the planner knows may be of the people of another test.
        connection.execute(sa.text("ANALYZE subscribers"))
    with uow() as tx:
        assert results.known_tags(tx.session) == ["Messe 2026", "vip"]


def test_moves_are_counted_by_whoever_writes_and_add_up_when_folded(crowd, uow, engine):
    with uow() as tx:
        truth = dict(
            tx.session.execute(
                sa.select(Consent.status, sa.func.count()).group_by(Consent.status)
            ).all()
        )
        before = consent_statistics.stations(tx.session)
        weeks = consent_statistics.growth(tx.session, at=NOW)
        confirmed = consent_statistics.purposes_confirmed(tx.session)
        assert {status: n for status, n in before.items() if n} == truth
        several = tx.session.scalar(sa.select(sa.func.count()).select_from(ConsentMove))
        consent_statistics.fold(tx.session)
        consent_statistics.fold(tx.session)
        fewer = tx.session.scalar(sa.select(sa.func.count()).select_from(ConsentMove))
        assert fewer < several
        assert consent_statistics.stations(tx.session) == before
    with uow() as tx:
        tx.session.execute(sa.text("SELECT count_consents_anew()"))
        assert consent_statistics.stations(tx.session) == before
        assert consent_statistics.growth(tx.session, at=NOW) == weeks
        assert consent_statistics.purposes_confirmed(tx.session) == confirmed
