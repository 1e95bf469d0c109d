"""Counts of people and of consents: exact where they are few, an estimate where they are many."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent import consent_statistics
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.staff_requests import (
    record_objection,
    record_withdrawal_request,
)
from listmgr.consent.withdraw import withdraw
from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.sql_condition import Predicate
from listmgr.search import (
    counts as search_counts,
)
from listmgr.search import (
    results,
)
from listmgr.search.counts import Count
from listmgr.search.results import SubscriberQuery
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.register import is_suppressed
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
    make_subscriber,
)


def add_many(tx, number: int) -> None:
    tx.session.execute(
        sa.text(
            "INSERT INTO subscribers (address, envelope, address_key, domain, fingerprint)"
            " SELECT a, a, a, 'many.example', sha256(a::bytea) FROM"
            " (SELECT 'p' || n || '@many.example' AS a FROM generate_series(1, :n) n) x"
        ),
        {"n": number},
    )


def test_few_are_counted_and_many_are_estimated(uow, monkeypatch, superuser):
    with uow() as tx:
        add_many(tx, 300)
    with superuser.begin() as connection:
        connection.execute(sa.text("ANALYZE subscribers"))
    with uow() as tx:
        assert search_counts.count(tx.session, SubscriberQuery()) == Count(300, exact=True)
        assert search_counts.count(tx.session, SubscriberQuery("p1@")).number == 1
        monkeypatch.setattr(search_counts, "DEAR", 5.0)
        many = search_counts.count(tx.session, SubscriberQuery())
        assert not many.exact
        assert 250 < many.number < 350
        # A condition with an enumeration in it is estimated as well.
        both = search_counts.count(
            tx.session, SubscriberQuery("@many.example", 1, ConsentStatus.PENDING)
        )
        assert not both.exact


def test_a_search_whose_plan_was_too_hopeful_stops_counting(uow, monkeypatch):
    with uow() as tx:
        add_many(tx, 300)
        monkeypatch.setattr(search_counts, "COUNTED", 100)
        found = search_counts.count(tx.session, SubscriberQuery())
        assert not found.exact
        assert found.number > 100


def test_a_segment_too_dear_to_count_is_looked_at_in_places(uow, monkeypatch, superuser):
    told = Predicate("s.id % 3 = 0 AND s.first_name IS DISTINCT FROM :name", {"name": "Ada"})
    with uow() as tx:
        add_many(tx, 300)
    with superuser.begin() as connection:
        connection.execute(sa.text("ANALYZE subscribers"))
    with uow() as tx:
        assert search_counts.count_all(tx.session, told) == Count(100, exact=True)
        monkeypatch.setattr(search_counts, "DEAR", 1.0)
        # So few people are all looked at; of fewer hits than tell something the planner knows more.
        assert search_counts.count_all(tx.session, told) == Count(100, exact=False)
        monkeypatch.setattr(search_counts, "HITS", 101)
        assert not search_counts.count_all(tx.session, told).exact


def test_pages_hold_each_person_once_and_all(uow):
    with uow() as tx:
        add_many(tx, 125)
    seen, below = [], None
    with uow() as tx:
        while True:
            page = results.find_page(tx.session, SubscriberQuery(), below=below)
            seen += [row.subscriber.id for row in page.rows]
            below = page.older
            if below is None:
                break
    assert seen == sorted(range(1, 126), reverse=True)


def test_an_idn_domain_is_found_in_both_spellings(uow):
    with uow() as tx:
        make_subscriber(tx, "Änne@müller.example", NOW)
        for query in ("änne@müller", "@müller.example", "@xn--mller-kva.example", "ÄNNE"):
            assert len(results.find_page(tx.session, SubscriberQuery(query)).rows) == (
                query != "änne@müller"
            ), query


def test_a_person_shows_the_newest_consent_of_each_purpose(uow):
    with uow() as tx:
        notice = make_list(tx)[2]
        other = make_list(tx, "events")[2]
        first = make_confirmed(tx, "anna@example.com", notice, NOW)
        withdraw(tx, first.id, method="page", actor="subscriber", facts=RequestFacts(), at=NOW)
        make_pending(tx, "anna@example.com", notice, NOW + timedelta(days=2))
        make_confirmed(tx, "anna@example.com", other, NOW + timedelta(days=4))
        [row] = results.find_page(tx.session, SubscriberQuery()).rows
    assert [standing.status for standing in row.standings] == ["pending", "confirmed"]


def test_growth_is_told_by_week(uow):
    with uow() as tx:
        notice = make_list(tx)[2]
        make_confirmed(tx, "a@example.com", notice, NOW - timedelta(weeks=1))
        ended = make_confirmed(tx, "b@example.com", notice, NOW)
        withdraw(tx, ended.id, method="page", actor="subscriber", facts=RequestFacts(), at=NOW)
        make_confirmed(tx, "c@example.com", notice, NOW - timedelta(weeks=60))
        make_pending(tx, "d@example.com", notice, NOW)
    with uow() as tx:
        weeks = consent_statistics.growth(tx.session, at=NOW, weeks=4)
        assert [(week.confirmed, week.ended) for week in weeks] == [(0, 0), (0, 0), (1, 0), (1, 1)]
        assert all(week.monday.weekday() == 0 for week in weeks)
        counts = consent_statistics.stations(tx.session)
        assert (counts[ConsentStatus.CONFIRMED], counts[ConsentStatus.WITHDRAWN]) == (2, 1)
        assert sum(consent_statistics.stations(tx.session, list_id=99).values()) == 0
        assert consent_statistics.purposes_confirmed(tx.session) == {notice.purpose_id: 2}
        assert consent_statistics.confirmed_before(tx.session, notice.purpose_id, 2) == 2
        assert consent_statistics.unsent_service_mails(tx.session)["queued"] == 4
        assert consent_statistics.ledger_state(tx.session).sealed_at is None


def test_l13_words_of_a_person_to_staff(uow):
    with uow() as tx:
        notice = make_list(tx)[2]
        consent = make_confirmed(tx, "a@example.com", notice, NOW)
        other = make_subscriber(tx, "b@example.com", NOW)
        told = {"how": "phone", "actor": "operator:1", "at": NOW}
        with pytest.raises(NotFound):
            record_withdrawal_request(tx, other.id, consent.id, **told)
        with pytest.raises(InvalidInput):
            record_withdrawal_request(
                tx, consent.subscriber_id, consent.id, **told | {"how": "page"}
            )
        assert record_objection(tx, consent.subscriber_id, **told) == 1
        assert record_objection(tx, consent.subscriber_id, **told) == 0
        assert not record_withdrawal_request(tx, consent.subscriber_id, consent.id, **told)
        with pytest.raises(NotFound):
            record_objection(tx, 99, **told)
        person = tx.session.get_one(Subscriber, consent.subscriber_id)
        assert is_suppressed(tx, person.fingerprint)
        assert tx.session.get_one(Consent, consent.id).status == "withdrawn"


def test_a_page_found_by_index_knows_how_many_fit(uow, session, monkeypatch):
    """It has just named them all: the number is not asked for a second time."""
    monkeypatch.setattr(results, "WALK", 10)
    with uow() as tx:
        add_many(tx, 300)
    wanted = SubscriberQuery("p1 many")
    page = results.find_page(session, wanted)
    # p1, p10 to p19, p100 to p199.
    assert (page.total, len(page.rows)) == (111, 50)
    assert search_counts.count(session, wanted) == Count(111, exact=True)
    assert results.find_page(session, wanted, below=page.older).total is None
    assert results.find_page(session, SubscriberQuery("nobody")).total == 0
    asked = []
    sa.event.listen(session.bind, "before_cursor_execute", lambda *told: asked.append(told[2]))
    results.find_page(session, wanted)
    search_counts.count(session, wanted)
    assert not any("generate_series" in statement for statement in asked)
