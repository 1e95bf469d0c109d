"""Two records of one person read as one: nothing is lost, nobody is mailed twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.merge_subscribers import (
    joined_to,
    merge,
    namesakes,
    preview_merge,
    undo_merge,
)
from listmgr.consent.models import Consent, ConsentEvent
from listmgr.kit.errors import Refused
from listmgr.subscribers.models import Subscriber
from listmgr.subscribers.restriction import restrict
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
)


@pytest.fixture
def pair(uow):
    """One person twice: both confirmed the letter, only the second the other list."""
    with uow() as tx:
        _, _, letter = make_list(tx)
        _, _, other = make_list(tx, "other")
        kept = make_confirmed(tx, "a@one.example", letter, NOW)
        alone = make_confirmed(tx, "a@two.example", other, NOW - timedelta(days=2))
        doubled = make_confirmed(tx, "a@two.example", letter, NOW)
        tx.session.get_one(Subscriber, doubled.subscriber_id).company = "Kontor"
    return kept, doubled, alone


def test_what_both_have_ends_once_and_what_one_has_goes_on(uow, session, pair):
    kept, doubled, alone = pair
    with uow() as tx:
        seen = preview_merge(tx.session, kept.subscriber_id, doubled.subscriber_id)
        done = merge(tx, kept.subscriber_id, doubled.subscriber_id, actor="operator:1", at=NOW)
    assert [c.id for c in seen.ending] == [c.id for c in done.ending] == [doubled.id]
    assert [c.id for c in done.staying] == [alone.id]
    status = dict(session.execute(sa.select(Consent.id, Consent.status)).all())
    assert status == {
        kept.id: ConsentStatus.CONFIRMED,
        doubled.id: ConsentStatus.WITHDRAWN,
        alone.id: ConsentStatus.CONFIRMED,
    }
    assert session.get_one(Subscriber, kept.subscriber_id).company == "Kontor"
    assert [p.id for p in joined_to(session, kept.subscriber_id)] == [doubled.subscriber_id]


def test_every_consent_and_event_is_kept(uow, session, pair):
    kept, doubled, _ = pair
    before = set(session.scalars(sa.select(ConsentEvent.hash)))
    with uow() as tx:
        merge(tx, kept.subscriber_id, doubled.subscriber_id, actor="operator:1", at=NOW)
    session.expire_all()
    assert before < set(session.scalars(sa.select(ConsentEvent.hash)))


def test_taken_back_they_are_two_again_and_nothing_revives(uow, session, pair):
    kept, doubled, _ = pair
    with uow() as tx:
        merge(tx, kept.subscriber_id, doubled.subscriber_id, actor="operator:1", at=NOW)
    with uow() as tx:
        assert undo_merge(tx, doubled.subscriber_id) == kept.subscriber_id
    assert not joined_to(session, kept.subscriber_id)
    assert session.get_one(Consent, doubled.id).status is ConsentStatus.WITHDRAWN


def test_what_waits_for_an_answer_elsewhere_is_asked_no_more(uow, session, pair):
    kept, _, _ = pair
    with uow() as tx:
        _, _, third = make_list(tx, "third")
        waiting = make_pending(tx, "a@three.example", third, NOW)
        merge(tx, kept.subscriber_id, waiting.subscriber_id, actor="operator:1", at=NOW)
    assert session.get_one(Consent, waiting.id).status is ConsentStatus.WITHDRAWN


@pytest.mark.parametrize("which", ["same", "restricted", "blocked", "joined"])
def test_what_must_not_be_joined_is_refused(uow, pair, which):
    kept, doubled, _ = pair
    first, second = kept.subscriber_id, doubled.subscriber_id
    with uow() as tx:
        if which == "restricted":
            restrict(tx, second, at=NOW)
        if which == "blocked":
            person = tx.session.get_one(Subscriber, second)
            suppress(tx, person.fingerprint, SuppressionReason.OBJECTED, at=NOW)
        if which == "joined":
            merge(tx, first, second, actor="operator:1", at=NOW)
    with pytest.raises(Refused), uow() as tx:
        merge(tx, first, first if which == "same" else second, actor="operator:1", at=NOW)


def test_namesakes_are_found_whatever_the_case(uow, session, pair):
    kept, doubled, _ = pair
    with uow() as tx:
        for consent, name in ((kept, "MÜLLER"), (doubled, "Müller")):
            tx.session.get_one(Subscriber, consent.subscriber_id).last_name = name
    person = session.get_one(Subscriber, kept.subscriber_id)
    assert [p.id for p in namesakes(session, person)] == [doubled.subscriber_id]
