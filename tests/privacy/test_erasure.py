"""Erased: found nowhere any more, in no table and not in the queue; the chain still verifies."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
import sqlalchemy as sa

from listmgr.campaigns import compose
from listmgr.consent.anchor import anchor, broken_anchors, broken_chains
from listmgr.consent.models import Consent, ConsentEvidence
from listmgr.consent.signup import SignupContent, process_signup, receive
from listmgr.delivery.launch import launch
from listmgr.kit.db import Base
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.queue import enqueue
from listmgr.lists.signup_forms import (
    FormWords,
    create_form,
)
from listmgr.privacy.erasure import erase, erase_person
from listmgr.privacy.erasure_journal import forget_late_replies
from listmgr.privacy.erasure_registry import (
    ERASERS,
    RETAINED,
)
from listmgr.privacy.models import ErasureEntry
from listmgr.schema import resource
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
)
from tests.privacy.dump import everything

ANNA = "anna.müller@example.com"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def anna(uow: UnitOfWork, jobs, settings) -> int:
    """A person everywhere: consents, evidence, mail, delivery with a talkative reply, queue."""
    with uow() as tx:
        _, purpose, notice = make_list(tx)
        form = create_form(
            tx, FormWords("Post", "Mail"), slug="mail", purpose_ids=[purpose.id], at=NOW
        )
        consent = make_confirmed(tx, ANNA, notice, NOW)
        make_confirmed(tx, "bert@example.org", notice, NOW)
        make_pending(tx, ANNA, make_list(tx, "other")[2], NOW)
        tx.session.execute(
            sa.update(Subscriber)
            .where(Subscriber.id == consent.subscriber_id)
            .values(last_name="Müllerin", attributes={"note": f"writes from {ANNA}"})
        )
        tx.session.execute(
            sa.text("UPDATE service_mails SET last_error = :a WHERE id = 1"), {"a": ANNA}
        )
        tx.session.execute(
            sa.text(
                "INSERT INTO signup_answers (service_mail_id, subscriber_id, received_at, content)"
                " VALUES (1, :s, now(), jsonb_build_object('city', CAST(:a AS text)))"
            ),
            {"s": consent.subscriber_id, "a": ANNA},
        )
        draft = compose.Draft("Mai", purpose.id, "Neues im Mai", body="Guten Tag!")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
        launch(tx, campaign.id, templates=resource("templates"), at=NOW)
        tx.session.execute(
            sa.text(
                "INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, status, begun_at,"
                " reply) VALUES (:c, :s, :k, 'failed', now(), '550 5.1.1 <' || :a || '> unknown')"
            ),
            {"c": campaign.id, "s": consent.subscriber_id, "k": consent.id, "a": ANNA},
        )
        content = SignupContent(f"  {ANNA.upper()} ", (notice.id,), "de", "https://x.example/s")
        receive(tx, form_id=form.id, content=content, at=NOW)
        assert consent.subscriber_id is not None
    assert anchor(uow, at=NOW) > 0
    enqueue(redis.Redis.from_url(settings.redis_url), jobs)
    return consent.subscriber_id


def found(text: str) -> list[str]:
    return [line[:200] for line in text.splitlines() if "anna" in line.casefold()]


def test_l15_after_erasing_the_address_is_found_nowhere(anna, uow, engine, settings, session):
    assert len(found(everything(engine, settings.redis_url))) > 6
    with uow() as tx:
        assert erase(tx, [anna], actor="operator:1", at=LATER) == 1
    told = everything(engine, settings.redis_url)
    assert found(told) == []
    assert "Müllerin" not in told
    assert "bert@example.org" in told


def test_l01_the_chain_and_the_anchors_still_verify(anna, uow, session):
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=LATER)
    with uow() as tx:
        assert broken_chains(tx) == []
        assert broken_anchors(tx) == []
    stands = session.scalars(sa.select(Consent.status).order_by(Consent.id)).all()
    assert stands == ["erased", "confirmed", "erased"]
    assert session.scalar(sa.select(sa.func.count()).select_from(ConsentEvidence)) == 2


def test_l15_the_block_stays_and_is_lifted_by_the_persons_own_act_alone(anna, uow, session):
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=LATER)
    assert session.scalars(sa.select(Suppression.reason)).all() == [SuppressionReason.ERASED]
    assert session.scalar(sa.select(sa.func.count()).select_from(ErasureEntry)) == 1


def test_l33_a_restricted_person_is_not_erased(anna, uow, session):
    with uow() as tx:
        tx.session.execute(sa.update(Subscriber).values(restricted_at=NOW))
    with uow() as tx, pytest.raises(Refused, match="Lift the restriction"):
        erase_person(tx, anna, actor="operator:1", at=LATER)
    with uow() as tx:
        assert erase(tx, [anna], actor="operator:1", at=LATER) == 0
    assert session.get(Subscriber, anna) is not None


def test_erasing_twice_says_that_there_is_nobody(anna, uow):
    with uow() as tx:
        erase_person(tx, anna, actor="operator:1", at=LATER)
    with uow() as tx, pytest.raises(NotFound):
        erase_person(tx, anna, actor="operator:1", at=LATER)
    with uow() as tx:
        assert erase(tx, [anna], actor="operator:1", at=LATER) == 0


def test_a_reply_that_comes_after_the_erasure_is_cleared_too(anna, uow, engine, settings):
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=LATER)
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE deliveries SET reply = '250 <' || :a || '> ok'"), {"a": ANNA}
        )
    with uow() as tx:
        forget_late_replies(tx, at=LATER + timedelta(minutes=5))
    assert found(everything(engine, settings.redis_url)) == []


def test_a_sign_up_in_flight_does_not_bring_the_person_back(anna, uow, session):
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=LATER)
    with uow() as tx:
        process_signup(tx, 1, at=LATER)
    assert session.scalars(sa.select(Subscriber.address)).all() == ["bert@example.org"]


def test_every_personal_table_says_what_becomes_of_it():
    """A new table with personal columns needs a line in listmgr/privacy/erasure_registry.py."""
    personal = {
        table.name
        for table in Base.metadata.tables.values()
        if any(column.info["personal"] for column in table.columns)
    }
    assert personal == set(ERASERS) | set(RETAINED)
    assert not set(ERASERS) & set(RETAINED)
    assert all(len(reason) > 20 for reason in RETAINED.values())


def test_w03_what_several_tables_share_is_done_once(anna, uow, monkeypatch):
    """Stored import files were read once for each of their tables."""
    runs: list[object] = []

    def counted(eraser):
        def run(tx, gone):
            runs.append(eraser)
            eraser(tx, gone)

        return run

    wrapped = {eraser: counted(eraser) for eraser in ERASERS.values()}
    assert len(wrapped) < len(ERASERS)
    by_table = {table: wrapped[eraser] for table, eraser in ERASERS.items()}
    monkeypatch.setattr("listmgr.privacy.erasure.ERASERS", by_table)
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=NOW)
    assert len(runs) == len(set(runs)) == len(wrapped)
