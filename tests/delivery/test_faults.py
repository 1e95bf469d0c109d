"""What the engine does with refusals, servers that are away, and mails nobody answered for."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import control
from listmgr.campaigns.models import Campaign, CampaignStatus, PauseCause
from listmgr.config import Settings
from listmgr.delivery import engine, sweep
from listmgr.delivery.engine import SliceResult
from listmgr.delivery.reports.progress import (
    problems,
    progress,
)
from listmgr.delivery.resend import (
    ResendScope,
    resend,
)
from listmgr.kit.clock import now
from listmgr.suppression.models import Suppression
from tests.conftest import UnitOfWork
from tests.delivery.test_engine import Send, end, statuses
from tests.sink import Sink


def test_m07_a_dead_mailbox_is_blocked_and_a_full_one_is_tried_again(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    sink.rcpt["p1@example.org"] = "550 5.1.1 no such user"
    sink.rcpt["p2@example.org"] = "452 4.2.2 mailbox full"
    send(launched)
    assert statuses(session, launched) == {"sent": 8, "failed": 1, "deferred": 1}
    blocked = session.scalars(sa.select(Suppression.reason)).one()
    assert blocked.value == "bounced"
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
    assert session.get_one(Campaign, launched).status is CampaignStatus.RUNNING
    assert {p.reply for p in problems(session, launched)} == {
        "550 5.1.1 no such user",
        "452 4.2.2 mailbox full",
    }
    sink.rcpt.clear()
    due = sa.text("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'deferred'")
    with uow() as tx:
        tx.session.execute(due)
    send(launched)
    session.expire_all()
    assert statuses(session, launched) == {"sent": 9, "failed": 1}
    found = progress(session, launched)
    assert (found.sent, found.failed, found.deferred) == (9, 1, 0)


def test_t12_withdrawn_before_the_second_attempt_is_not_mailed(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session, people: list[int]
):
    sink.rcpt["p2@example.org"] = "451 4.3.0 later"
    send(launched)
    end(uow, people[2])
    sink.rcpt.clear()
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'deferred'")
        )
    send(launched)
    assert "p2@example.org" not in {to for to, _ in sink.mails}
    assert statuses(session, launched) == {"sent": 9, "failed": 1}
    assert progress(session, launched).failed == 1


def test_a_server_that_is_away_pauses_and_its_return_resumes_without_loss(
    launched: int, uow: UnitOfWork, settings: Settings, session: Session, sink: Sink, send: Send
):
    nobody = replace(settings, mail=replace(settings.mail, port=1))
    assert engine.send_slice(uow, nobody, launched, "w", now=now) is SliceResult.DONE
    campaign = session.get_one(Campaign, launched)
    assert campaign.status is CampaignStatus.PAUSED
    assert campaign.pause_cause is PauseCause.SERVER_AWAY
    assert statuses(session, launched) == {}
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
        assert [job.name for job in tx.jobs] == ["knock"]
    with uow() as tx:
        assert control.resume_if_away(tx, launched)
    send(launched)
    assert len(sink.mails) == 10


def test_an_operators_pause_is_not_ended_by_the_program(launched: int, uow: UnitOfWork):
    with uow() as tx:
        control.pause(tx, launched)
    with uow() as tx:
        assert not control.resume_if_away(tx, launched)
        sweep.sweep_campaigns(tx, at=now())
        assert tx.jobs == []


def test_what_nobody_answered_for_is_settled_as_uncertain(
    launched: int, send: Send, uow: UnitOfWork, session: Session
):
    send(launched)
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE deliveries SET status = 'sending' WHERE subscriber_id <= 2")
        )
        tx.session.execute(sa.text("UPDATE deliveries SET begun_at = now() - interval '1 hour'"))
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
    assert statuses(session, launched) == {"sent": 8, "uncertain": 2}
    assert session.get_one(Campaign, launched).status is CampaignStatus.FINISHED


def test_w06_words_that_sound_like_an_absent_server_resume_nothing(launched: int, uow: UnitOfWork):
    with uow() as tx:
        control.pause(tx, launched, reason="The mail server is away: we move it on Monday")
    with uow() as tx:
        assert not control.resume_if_away(tx, launched)
        sweep.sweep_campaigns(tx, at=now())
        assert tx.jobs == []


def test_w06_a_reply_that_sounds_like_the_gate_is_a_servers_answer(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    sink.data_reply = "554 5.5.0 no"
    send(launched)
    with uow() as tx:
        tx.session.execute(sa.text("UPDATE deliveries SET reply = 'not sent again: suppressed'"))
    with uow() as tx:
        assert resend(tx, launched, ResendScope.FAILED) == 10
