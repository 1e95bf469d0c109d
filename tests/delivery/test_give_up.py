"""A domain that refuses for ever: its people fail in a stated time, and the campaign ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import control
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery import (
    domain_limits,
    engine,
    sweep,
)
from listmgr.delivery.models import CampaignDomain, Delivery
from listmgr.delivery.reports.progress import (
    problems,
    progress,
)
from listmgr.delivery.resend import (
    ResendScope,
    resend,
)
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import BackOff
from tests.conftest import UnitOfWork
from tests.delivery.test_engine import Send, statuses
from tests.sink import Sink


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_limits, "BACK_OFF", BackOff(first=0.01, longest=0.01))
    monkeypatch.setattr(domain_limits, "LOOKED_EVERY", 0.0)


def pass_time(uow: UnitOfWork, days: float) -> None:
    """Let so many days go by for everybody who waits, and make them due."""
    with uow() as tx:
        told = {"days": days}
        tx.session.execute(
            sa.text(
                "UPDATE deliveries"
                " SET refused_since = refused_since - make_interval(days => :days),"
                " next_attempt_at = now() WHERE status = 'deferred'"
            ),
            told,
        )
        tx.session.execute(
            sa.text(
                "UPDATE campaign_domains"
                " SET refused_since = refused_since - make_interval(days => :days)"
            ),
            told,
        )


def refuse_all(sink: Sink, reply: str = "451 4.3.2 not now") -> None:
    sink.rcpt.update({f"p{n}@example.org": reply for n in range(10)})


def test_f07_a_domain_that_refuses_for_ever_ends_and_the_campaign_does(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    refuse_all(sink)
    send(launched)
    assert session.scalars(sa.select(CampaignDomain.scope)).all() == ["example.org"]
    found = statuses(session, launched)
    assert found == {"deferred": 10}
    # Three days: whoever is asked is refused again, and nobody is given up.
    pass_time(uow, 3)
    send(launched)
    assert statuses(session, launched) == {"deferred": 10}
    pass_time(uow, 2)
    send(launched)
    session.expire_all()
    assert statuses(session, launched) == {"failed": 10}
    stand = progress(session, launched)
    assert (stand.failed, stand.deferred) == (10, 0)
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
    assert session.get_one(Campaign, launched).status is CampaignStatus.FINISHED
    said = {problem.words for problem in problems(session, launched)}
    assert "Given up: this provider or domain has refused mail for days. You can retry." in said


def test_f07_a_person_ends_though_the_domain_takes_mail_now_and_then(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    sink.rcpt["p1@example.org"] = "451 4.7.1 slowly"
    send(launched)
    assert statuses(session, launched) == {"sent": 9, "deferred": 1}
    assert session.scalars(sa.select(CampaignDomain)).all() == []
    pass_time(uow, 5)
    send(launched)
    session.expire_all()
    person = session.scalars(sa.select(Delivery).where(Delivery.status == "failed")).one()
    assert (person.attempts, person.next_attempt_at) == (2, None)
    assert person.ended_at is not None
    assert person.reply == "451 4.7.1 slowly"


def test_f07_the_last_attempt_is_not_later_than_the_end(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session, settings: Settings
):
    sink.rcpt["p1@example.org"] = "451 4.7.1 slowly"
    send(launched)
    # The fifth attempt is put off by twelve hours; the time is up in one.
    with uow() as tx:
        tx.session.execute(
            sa.text(
                "UPDATE deliveries SET attempts = 4, next_attempt_at = now(), refused_since = now()"
                " - make_interval(hours => :hours) WHERE status = 'deferred'"
            ),
            {"hours": int(settings.give_up_days * 24) - 1},
        )
    send(launched)
    session.expire_all()
    person = session.scalars(sa.select(Delivery).where(Delivery.status == "deferred")).one()
    assert person.refused_since is not None
    assert person.next_attempt_at == person.refused_since + timedelta(days=settings.give_up_days)


def test_f07_a_domain_that_takes_mail_again_begins_anew(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    refuse_all(sink)
    send(launched)
    pass_time(uow, 3)
    sink.rcpt.clear()
    for _ in range(3):
        pass_time(uow, 0)
        send(launched)
    assert statuses(session, launched) == {"sent": 10}
    assert session.scalars(sa.select(CampaignDomain)).all() == []


def test_f07_waiting_for_a_limit_of_ours_is_no_refusal(
    launched: int, send: Send, pace, uow: UnitOfWork, session: Session
):
    pace(("example.org", {"per_day": "2"}))
    send(launched)
    assert statuses(session, launched) == {"sent": 2, "deferred": 8}
    assert set(session.scalars(sa.select(Delivery.refused_since))) == {None}
    pass_time(uow, 30)
    send(launched)
    assert statuses(session, launched) == {"sent": 2, "deferred": 8}


def test_f07_who_was_given_up_can_be_tried_again_from_the_beginning(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    refuse_all(sink)
    send(launched)
    pass_time(uow, 5)
    send(launched)
    assert statuses(session, launched) == {"failed": 10}
    with uow() as tx:
        assert resend(tx, launched, ResendScope.FAILED) == 10
    assert session.scalars(sa.select(CampaignDomain)).all() == []
    sink.rcpt.clear()
    for _ in range(3):
        pass_time(uow, 0)
        send(launched)
    assert statuses(session, launched) == {"sent": 10}


@pytest.mark.parametrize("days", [-2, 2])
def test_f10_a_worker_whose_clock_is_wrong_plans_the_next_attempt_rightly(
    days: int,
    launched: int,
    sink: Sink,
    uow: UnitOfWork,
    session: Session,
    settings: Settings,
):
    sink.rcpt["p1@example.org"] = "451 4.7.1 greylisted"
    wrong = lambda: now() + timedelta(days=days)  # noqa: E731
    engine.send_slice(uow, settings, launched, "wrong", now=wrong)
    person = session.scalars(sa.select(Delivery).where(Delivery.status == "deferred")).one()
    assert person.next_attempt_at is not None
    assert timedelta(minutes=3) < person.next_attempt_at - now() < timedelta(minutes=7)
    # Neither is it due at once for this worker, nor for another one.
    engine.send_slice(uow, settings, launched, "wrong", now=wrong)
    engine.send_slice(uow, settings, launched, "right", now=now)
    session.expire_all()
    assert person.attempts == 1
    # A host that is ahead does not give up what is under way.
    with uow() as tx:
        control.pause(tx, launched)
        tx.session.execute(
            sa.text("UPDATE deliveries SET status = 'sending', begun_at = now() WHERE attempts = 1")
        )
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=wrong())
    assert statuses(session, launched) == {"sending": 10}
