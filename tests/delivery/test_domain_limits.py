"""Limits by recipients' domains, and domains that ask to be left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.campaigns.models import Campaign, CampaignStatus, PauseCause
from listmgr.config import Settings
from listmgr.delivery import (
    domain_limits,
    engine,
    sweep,
)
from listmgr.delivery.engine import SliceResult
from listmgr.delivery.launch import launch
from listmgr.delivery.models import Delivery, DeliveryStatus
from listmgr.delivery.sender_limits import Throttle
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import (
    BackOff,
    permits_at,
)
from listmgr.lists.models import Notice
from listmgr.senders.limits import Limit, SendingPolicy
from tests.conftest import NOW, UnitOfWork
from tests.delivery.conftest import TEMPLATES
from tests.delivery.test_engine import statuses
from tests.factories import make_confirmed
from tests.sink import Sink, Talk, scripted


@pytest.fixture
def mixed(uow: UnitOfWork, notice: Notice) -> int:
    """Twelve people: six at Google's, three at a small domain, three elsewhere; in turns."""
    with uow() as tx:
        for n in range(3):
            for at in ("gmail.com", "googlemail.com", "small.example", f"d{n}.example"):
                local = "q" if at == "googlemail.com" else "p"
                make_confirmed(tx, f"{local}{n}@{at}", notice, NOW)
        draft = compose.Draft("Mai", notice.purpose_id, "Neues", body="Hallo!")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
    with uow() as tx:
        launch(tx, campaign.id, templates=TEMPLATES, at=NOW)
    return campaign.id


def got(sink: Sink) -> dict[str, int]:
    found: dict[str, int] = {}
    for to, _ in sink.mails:
        domain = to.partition("@")[2]
        found[domain] = found.get(domain, 0) + 1
    return found


def put_off(session: Session) -> list[tuple[str, int]]:
    rows = session.execute(
        sa.select(
            Delivery.failure, Delivery.failure_code, Delivery.failure_scope, Delivery.attempts
        )
        .where(Delivery.status == DeliveryStatus.DEFERRED)
        .order_by(Delivery.subscriber_id)
    )
    return [(" ".join(filter(None, kind)), attempts) for *kind, attempts in rows]


def test_a_domains_limit_puts_its_people_off_and_the_others_go_on(
    mixed: int, pace, send, sink: Sink, session: Session, uow: UnitOfWork
):
    pace(("Google", {"per_day": "2"}), ("small.example", {"per_hour": "1"}))
    assert send(mixed) is SliceResult.DONE
    assert len(sink.mails) == 6
    found = got(sink)
    assert found["small.example"] == 1
    assert found.get("gmail.com", 0) + found.get("googlemail.com", 0) == 2
    # No attempt is used up, and nobody is told to wait for the same moment.
    waiting = put_off(session)
    assert (
        sorted(waiting)
        == [("deferred rate_limit Google", 0)] * 4 + [("deferred rate_limit small.example", 0)] * 2
    )
    moments = session.scalars(
        sa.select(Delivery.next_attempt_at).where(Delivery.failure_scope == "Google")
    ).all()
    assert len(set(moments)) == 4
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
    assert session.get_one(Campaign, mixed).status is CampaignStatus.RUNNING
    # The limit is lifted: who stands in line is next.
    pace()
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'deferred'")
        )
    send(mixed)
    assert len(sink.mails) == 12
    assert put_off(session) == []


def test_a_domain_that_may_get_some_each_second_gets_them_while_one_worker_lingers(
    mixed: int, pace, send, sink: Sink, session: Session
):
    pace(("Google", {"per_second": "4"}))
    begun = time.monotonic()
    arrived: list[float] = []
    sink.on_data = lambda to: (
        arrived.append(time.monotonic()) if "google" in to or "gmail" in to else None
    )
    send(mixed, seconds=6.0, linger=True)
    assert len(sink.mails) == 12
    assert len(arrived) == 6
    assert 5 / 4 - 0.3 < arrived[-1] - begun < 4
    attempts = session.scalars(sa.select(Delivery.attempts)).all()
    assert set(attempts) == {1}


def test_a_domain_that_takes_one_at_once_gets_one_at_once(
    mixed: int, pace, send, sink: Sink, settings: Settings
):
    pace(("Google", {"at_once": "1"}))
    send(mixed)
    assert len(sink.mails) == 12
    assert permits_at(settings.redis_url)._redis.keys("*at_once") == []


def test_rounds_hold_no_more_of_a_domain_than_it_takes_at_once(settings: Settings, mixed: int):
    """The whole window may be under way at once, so it is cut."""
    from listmgr.delivery.window import Recipient

    terms = SendingPolicy(domains={"Google": Limit(at_once=2)})
    throttle = Throttle(
        permits_at(settings.redis_url), terms, holder="w", now=now, count=lambda *_: 0
    )
    found = domain_limits.DomainLimiter(throttle)
    people = [Recipient(n, f"p{n}@gmail.com", 1, ()) for n in range(5)]
    people += [Recipient(n, f"p{n}@d{n}.example", 1, ()) for n in range(5, 9)]
    going, later = found.split(people)
    assert later == []
    sizes = [sum("gmail" in one.envelope for one in some) for some in found.rounds(going)]
    assert sizes == [2, 2, 1]
    other = domain_limits.DomainLimiter(
        Throttle(permits_at(settings.redis_url), terms, holder="x", now=now, count=lambda *_: 0)
    )
    going, later = other.split(people)
    assert [len(going), len(later)] == [4, 5]
    found.close()
    assert len(other.split(people)[0]) == 9
    other.close()


@pytest.fixture
def short_back_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(domain_limits, "BACK_OFF", BackOff(first=0.8))
    monkeypatch.setattr(domain_limits, "LOOKED_EVERY", 0.0)
    monkeypatch.setattr(domain_limits, "AFTER_THE_TRY", 0.2)
    yield


def test_a_domain_that_answers_4xx_is_left_alone_by_all_workers_while_the_others_go_on(
    mixed: int, send, sink: Sink, session: Session, short_back_off: None, uow: UnitOfWork
):
    for n in range(3):
        for to in (f"p{n}@gmail.com", f"q{n}@googlemail.com"):
            sink.rcpt[to] = "421 4.7.28 too much mail at once"
    asked: list[str] = []
    refuse = sink.rcpt["p0@gmail.com"]
    for to in list(sink.rcpt):
        sink.rcpt[to] = lambda to=to: asked.append(to) or refuse
    send(mixed)
    assert len(sink.mails) == 6
    # Three strikes, then nobody asks any more, in this worker or another.
    assert 3 <= len(asked) < 6
    assert sorted(set(put_off(session))) == [
        ("deferred 4.7.28", 1),
        ("deferred backing_off Google", 0),
    ]
    before = len(asked)
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'deferred'")
        )
    send(mixed, "another")
    assert len(asked) == before
    time.sleep(1.0)
    sink.rcpt.clear()
    for _ in range(4):
        with uow() as tx:
            tx.session.execute(
                sa.text("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'deferred'")
            )
        send(mixed, "another")
    assert len(sink.mails) == 12


def test_one_full_mailbox_holds_nobody_else_up(
    mixed: int, send, sink: Sink, session: Session, short_back_off: None
):
    for n in range(3):
        sink.rcpt[f"p{n}@gmail.com"] = "452 4.2.2 mailbox full"
    send(mixed)
    assert len(sink.mails) == 9
    assert put_off(session) == [("deferred 4.2.2", 1)] * 3


def test_w02_a_server_that_has_gone_is_dialled_once_and_not_once_a_round(
    launched: int, pace, send, uow: UnitOfWork, session: Session, settings: Settings
):
    """A domain that takes one at once makes a round of each mail."""
    pace(("example.org", {"at_once": "1"}))
    dialled: list[int] = []

    def script(talk: Talk) -> None:
        dialled.append(1)
        if len(dialled) > 1:
            talk.say("554 5.3.2 closed")
            return
        talk.greet("PIPELINING")
        talk.take_data()

    with scripted(script) as account:
        away = replace(settings, mail=account, window_size=10, lease_size=10)
        engine.send_slice(uow, away, launched, "w", now=now)
    campaign = session.get_one(Campaign, launched)
    assert campaign.status is CampaignStatus.PAUSED
    assert campaign.pause_cause is PauseCause.SERVER_AWAY
    # By the round whose connection broke, and by the next.
    assert len(dialled) <= 3


def test_f09_who_is_put_off_is_recorded_before_anything_is_handed_over(
    mixed: int, pace, send, sink: Sink, uow: UnitOfWork
):
    """A worker that is killed then leaves nobody uncertain who could not have been mailed."""
    pace(("Google", {"per_day": "1"}))
    seen: list[dict[str, int]] = []

    def on_data(_to: str) -> None:
        if not seen:
            with uow() as tx:
                seen.append(statuses(tx.session, mixed))

    sink.on_data = on_data
    send(mixed)
    # Of the first window of three, two are at Google's.
    assert seen == [{"sending": 2, "deferred": 1}]
