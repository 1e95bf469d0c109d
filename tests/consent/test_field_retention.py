"""Values of fields go when their retention has ended, and not a day before."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent import field_retention
from listmgr.consent.field_retention import clear_outdated
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.subscribers.custom_fields import archive_field
from listmgr.subscribers.field_assignment import set_values
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_field,
    make_list,
    make_subscriber,
)

MONTH = timedelta(days=31)
BOTH = {"city": "Köln", "size": "42"}


@pytest.fixture
def person(uow):
    """Has a value kept for 2 months and one kept for 12, and agreed to nothing."""
    with uow() as tx:
        make_field(tx, retention_months="2")
        make_field(tx, key="size", kind="number", retention_months="12")
        made = make_subscriber(tx, "anna@example.com", NOW)
        set_values(tx.session, made, BOTH)
        return made.id


def clear(uow, at, *, step=field_retention.STEP):
    seen = 0
    while seen is not None:
        with uow() as tx:
            seen = clear_outdated(tx, after=seen, at=at, step=step)


def values(session, subscriber_id):
    session.rollback()
    found = sa.select(Subscriber.attributes).where(Subscriber.id == subscriber_id)
    return session.scalars(found).one()


def test_l34_a_value_goes_when_its_retention_ends(uow, session, person):
    clear(uow, NOW + MONTH)
    assert values(session, person) == BOTH
    clear(uow, NOW + 2 * MONTH)
    assert values(session, person) == {"size": "42"}
    clear(uow, NOW + 2 * MONTH)
    assert values(session, person) == {"size": "42"}
    clear(uow, NOW + 13 * MONTH)
    assert values(session, person) == {}


def test_the_clock_begins_when_the_last_consent_ends(uow, session, person):
    with uow() as tx:
        consent = make_confirmed(tx, "anna@example.com", make_list(tx)[2], NOW)
    clear(uow, NOW + 50 * MONTH)
    assert values(session, person) == BOTH
    left = NOW + 50 * MONTH
    with uow() as tx:
        facts = RequestFacts(method="page")
        withdraw(tx, consent.id, method="page", actor="subscriber", facts=facts, at=left)
    clear(uow, left + MONTH)
    assert values(session, person) == BOTH
    clear(uow, left + 2 * MONTH)
    assert values(session, person) == {"size": "42"}


def test_an_archived_fields_values_go_and_restricted_data_stay(uow, session, person):
    with uow() as tx:
        tx.session.get_one(Subscriber, person).restricted_at = NOW
    clear(uow, NOW + 50 * MONTH)
    assert values(session, person) == BOTH
    with uow() as tx:
        tx.session.get_one(Subscriber, person).restricted_at = None
        archive_field(tx, 1, at=NOW)
    clear(uow, NOW + 2 * MONTH)
    assert values(session, person) == {"size": "42"}


def test_it_goes_through_everybody_in_steps(uow, session, person):
    with uow() as tx:
        for number in range(7):
            made = make_subscriber(tx, f"p{number}@example.com", NOW)
            set_values(tx.session, made, BOTH)
    clear(uow, NOW + 2 * MONTH, step=3)
    left = session.scalars(sa.select(Subscriber.attributes)).all()
    assert left == [{"size": "42"}] * 8
