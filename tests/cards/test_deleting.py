"""Cards nobody answered are deleted in time, and those of restricted people are not."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from listmgr.cards.models import Card
from listmgr.cards.retention import delete_due
from listmgr.cards.stages import Stage
from listmgr.consent.expire import expire_due
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent
from listmgr.kit.clock import now
from listmgr.operators.models import AuditEntry
from listmgr.subscribers.models import Subscriber
from tests.cards.corrections import kept
from tests.cards.test_outreach import (
    asked,
    stage_of,
    stated,
)


def test_l25_an_unanswered_card_is_deleted_after_the_days_with_a_count(
    uow, session, settings, ada, notice
):
    at = now() - timedelta(days=settings.card_days, minutes=1)
    with uow() as tx:
        for number in range(3):
            kept(tx, ada.id, f"p{number}@example.com", at=at)
        consent = stated(tx, kept(tx, ada.id, "stated@example.com", at=at), notice, ada.id, at)
        young = kept(tx, ada.id, "young@example.com")
    with uow() as tx:
        assert delete_due(tx, at=now() - timedelta(hours=1)) == 0
    with uow() as tx:
        assert delete_due(tx, at=now()) == 4
    assert session.scalars(sa.select(Card.id)).all() == [young.id]
    [entry] = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "card.expired"))
    assert (entry.details["deleted"], entry.details["kept"], entry.details["stated"]) == (4, 3, 1)
    # The statement nobody was asked on goes too, and its person with it.
    assert session.get_one(Consent, consent.id).status is ConsentStatus.EXPIRED
    assert session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0


def test_l25_who_did_not_answer_the_question_goes_with_the_card(uow, session, ada, notice):
    card_id, _question = asked(uow, notice, ada.id)
    later = now() + timedelta(days=100)
    with uow() as tx:
        # While the person may still answer, the card stays.
        assert delete_due(tx, at=later) == 0
    with uow() as tx:
        assert expire_due(tx, at=later) == 1
    assert stage_of(session, card_id) is Stage.ENDED
    assert session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0
    with uow() as tx:
        assert delete_due(tx, at=later) == 1


def test_article_18_what_is_restricted_is_not_deleted(uow, session, ada, notice):
    with uow() as tx:
        consent = stated(tx, kept(tx, ada.id), notice, ada.id)
        tx.session.get_one(Subscriber, consent.subscriber_id).restricted_at = now()
    with uow() as tx:
        assert delete_due(tx, at=now() + timedelta(days=100)) == 0
