"""What a sender may send: by the second, hour and day, in quiet hours, to one domain, at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery import engine, sweep
from listmgr.delivery.engine import SliceResult
from listmgr.delivery.launch import launch
from listmgr.delivery.models import Delivery
from listmgr.delivery.reports.progress import progress
from listmgr.delivery.sender_limits import (
    Throttle,
    ask_of,
)
from listmgr.delivery.usage_recount import count_attempts_since
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import permits_at
from listmgr.lists.models import MailingList, Notice
from listmgr.lists.sender_settings import set_sending
from listmgr.senders.edit import (
    AccountForm,
    create_sender,
    disable_sender,
)
from listmgr.senders.limits import Limit, SendingPolicy
from listmgr.senders.models import BUILT_IN
from listmgr.senders.quiet_hours import QuietHoursForm
from listmgr.senders.routing import built_in
from tests.conftest import NOW, UnitOfWork
from tests.delivery.conftest import TEMPLATES
from tests.sink import Sink, running_sink

# Ahead of the real clock: Valkey itself forgets what is over. Noon on a Wednesday in Berlin.
LATER = datetime.fromisoformat("2033-05-18T10:00:00+00:00")
ZONE = {"zone": "Europe/Berlin"}


@pytest.fixture
def send_at(uow: UnitOfWork, settings: Settings) -> Callable[..., bool | None]:
    """A slice by a given clock."""

    def run(campaign_id: int, at: datetime, **options: float) -> bool | None:
        return engine.send_slice(uow, settings, campaign_id, "w", now=lambda: at, **options)

    return run


def waits(session: Session, campaign_id: int) -> tuple[str, datetime | None]:
    session.expire_all()
    found = session.get_one(Campaign, campaign_id)
    return found.waits_for, found.waits_until


def test_an_hours_limit_is_kept_and_the_campaign_waits_and_goes_on_by_itself(
    launched: int, pace, send_at, sink: Sink, session: Session, uow: UnitOfWork
):
    pace(per_hour="4")
    assert send_at(launched, LATER) is SliceResult.WAITING
    assert len(sink.mails) == 4
    assert waits(session, launched) == ("hour", LATER + timedelta(hours=1))
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=LATER + timedelta(minutes=59))
        assert tx.jobs == []
        sweep.sweep_campaigns(tx, at=LATER + timedelta(hours=1, seconds=1))
        assert {job.name for job in tx.jobs} == {"send_slice"}
    assert send_at(launched, LATER + timedelta(minutes=30)) is SliceResult.WAITING
    assert len(sink.mails) == 4
    send_at(launched, LATER + timedelta(hours=1))
    send_at(launched, LATER + timedelta(hours=2))
    assert len(sink.mails) == 10
    assert waits(session, launched) == ("", None)
    assert session.get_one(Campaign, launched).status is CampaignStatus.RUNNING


def test_a_warm_up_plan_allows_so_many_each_day(
    launched: int, pace, send_at, sink: Sink, session: Session
):
    pace(warm_up="2, 3", warm_up_began=f"{LATER:%Y-%m-%d}")
    sent = []
    for day in range(3):
        send_at(launched, LATER + timedelta(days=day))
        sent.append(len(sink.mails))
    assert sent == [2, 5, 10]


def test_a_day_ends_at_midnight_of_the_senders_place(
    launched: int, pace, send_at, session: Session, sink: Sink
):
    pace(per_day="3", quiet=QuietHoursForm(zone="America/New_York"))
    send_at(launched, LATER)
    midnight = datetime.fromisoformat("2033-05-19T00:00:00-04:00")
    assert waits(session, launched) == ("day", midnight)


def test_nothing_begins_in_quiet_hours_and_it_goes_on_by_itself(
    launched: int, pace, send_at, sink: Sink, session: Session, uow: UnitOfWork
):
    pace(quiet=QuietHoursForm("11:00", "14:30", **ZONE))
    assert send_at(launched, LATER) is SliceResult.WAITING
    assert sink.mails == []
    end = datetime.fromisoformat("2033-05-18T14:30:00+02:00")
    assert waits(session, launched) == ("quiet", end)
    assert session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 0
    send_at(launched, end)
    assert len(sink.mails) == 10


def test_quiet_hours_that_begin_during_a_slice_stop_it(
    launched: int, pace, uow: UnitOfWork, settings: Settings, sink: Sink
):
    """Even inside a window: here they begin while the second mail is being taken."""
    pace(quiet=QuietHoursForm("12:30", "14:00", **ZONE))
    begun = time.monotonic()
    before = datetime.fromisoformat("2033-05-18T12:29:59.500000+02:00")
    sink.on_data = lambda _to: time.sleep(0.3)

    def clock() -> datetime:
        return before + timedelta(seconds=time.monotonic() - begun)

    alone = replace(settings, window_size=10, mail=replace(settings.mail, connections=1))
    engine.send_slice(uow, alone, launched, "w", now=clock)
    assert 1 <= len(sink.mails) <= 3


def test_quiet_hours_of_a_list_hold_beside_the_senders(
    launched: int, pace, send_at, sink: Sink, session: Session, uow: UnitOfWork
):
    pace(quiet=QuietHoursForm("11:00", "13:00", **ZONE))
    with uow() as tx:
        found = tx.session.scalars(sa.select(MailingList.id)).one()
        set_sending(tx, found, sender_id=None, quiet=QuietHoursForm("12:30", "15:00", **ZONE))
    send_at(launched, LATER)
    assert waits(session, launched)[1] == datetime.fromisoformat("2033-05-18T15:00:00+02:00")
    assert sink.mails == []


def test_the_second_is_kept_by_one_worker(launched: int, pace, send, sink: Sink):
    pace(per_second="20")
    arrived: list[float] = []
    sink.on_data = lambda _to: arrived.append(time.monotonic())
    send(launched)
    assert len(sink.mails) == 10
    assert arrived[-1] - arrived[0] > 9 / 20 - 0.15


def test_counters_that_were_lost_are_counted_again_from_the_rows(
    launched: int, pace, send, sink: Sink, settings: Settings, session: Session
):
    """Valkey is emptied, and the day's limit still holds."""
    pace(per_day="4")
    send(launched)
    assert len(sink.mails) == 4
    redis.Redis.from_url(settings.redis_url).flushall()
    assert count_attempts_since(session, BUILT_IN, now() - timedelta(hours=1))[""] == 4
    send(launched)
    assert len(sink.mails) == 4
    pace(per_day="6")
    send(launched)
    assert len(sink.mails) == 6


def test_valkey_away_keeps_a_limited_sender_waiting_and_an_unlimited_one_going(
    launched: int, pace, uow: UnitOfWork, settings: Settings, sink: Sink, session: Session
):
    deaf = replace(settings, redis_url="redis://127.0.0.1:1/0")
    pace(per_day="4")
    assert engine.send_slice(uow, deaf, launched, "w", now=now) is SliceResult.WAITING
    assert sink.mails == []
    assert waits(session, launched)[0] == "counting"
    pace()
    engine.send_slice(uow, deaf, launched, "w", now=now)
    assert len(sink.mails) == 10


def test_campaigns_leave_by_the_sender_of_their_from_address_or_list(
    launched: int, send, sink: Sink, uow: UnitOfWork, session: Session
):
    with running_sink() as relay:
        told = AccountForm(
            "Relay",
            "127.0.0.1",
            str(relay.port),
            "none",
            envelope="bounces@relay.example",
            serves="news.example.org",
            processor="Post AG",
        )
        with uow() as tx:
            made = create_sender(tx, told, at=NOW)
        send(launched)
        assert len(relay.mails) == 10
        assert sink.mails == []
        assert session.get_one(Campaign, launched).sender_id == made.id


def test_a_campaign_whose_sender_is_disabled_pauses_and_says_so(
    launched: int, send, sink: Sink, uow: UnitOfWork, session: Session
):
    with uow() as tx:
        told = AccountForm("Relay", "127.0.0.1", "1", "none", serves="news.example.org")
        told = replace(told, envelope="b@relay.example", processor="Post AG")
        made = create_sender(tx, told, at=NOW)
        found = tx.session.scalars(sa.select(MailingList.id)).one()
        set_sending(tx, found, sender_id=made.id, quiet=QuietHoursForm())
        disable_sender(tx, made.id, at=NOW)
    assert send(launched) is SliceResult.DONE
    found = session.get_one(Campaign, launched)
    assert found.status is CampaignStatus.PAUSED
    assert "disabled" in found.pause_reason
    assert sink.mails == []


def test_connections_are_counted_over_all_workers(settings: Settings, engine: sa.Engine):
    terms = SendingPolicy(7, limit=Limit(at_once=3))
    workers = [
        Throttle(permits_at(settings.redis_url), terms, holder=name, now=now, count=lambda *_: 0)
        for name in "ab"
    ]
    assert [workers[0].admit(), workers[0].admit(), workers[1].admit()] == [True] * 3
    assert not workers[1].admit()
    workers[0].release()
    assert workers[1].admit()
    assert not workers[0].admit()
    for worker in workers:
        worker.release()
        worker.release()
    assert permits_at(settings.redis_url).inside("listmgr:rate:7:connections") == 0


def test_who_finds_no_free_connection_leaves_it_to_the_others(
    launched: int, pace, send, sink: Sink, settings: Settings, session: Session
):
    pace(connections="1")
    permits = permits_at(settings.redis_url)
    permits.enter("listmgr:rate:0:connections", ["other"], most=1, seconds=30)
    assert send(launched) is SliceResult.WAITING
    assert session.get_one(Campaign, launched).status is CampaignStatus.RUNNING
    permits.leave("listmgr:rate:0:connections", ["other"])
    send(launched)
    assert len(sink.mails) == 10


def test_m07_a_mailbox_given_up_in_three_campaigns_is_blocked(
    uow: UnitOfWork, notice: Notice, people: list[int], send, sink: Sink, session: Session
):
    """Full for months: each campaign gives up on it, and the third one says so for good."""
    sink.rcpt["p1@example.org"] = "452 4.2.2 mailbox full"
    blocked = []
    for number in range(3):
        with uow() as tx:
            draft = compose.Draft(f"{number}", notice.purpose_id, "Neues", body="Hallo!")
            campaign = compose.create(tx, draft, operator_id=None, at=NOW)
        with uow() as tx:
            launch(tx, campaign.id, templates=TEMPLATES, at=NOW)
        send(campaign.id)
        with uow() as tx:
            tx.session.execute(
                sa.text(
                    "UPDATE deliveries SET next_attempt_at = now(), attempts = 6"
                    " WHERE status = 'deferred'"
                )
            )
        send(campaign.id)
        blocked.append(session.scalar(sa.text("SELECT count(*) FROM suppressions")))
        session.rollback()
    assert blocked == [0, 0, 1]


def test_limits_far_above_hold_nothing_up(
    launched: int, pace, send, sink: Sink, session: Session, settings: Settings
):
    much = {"per_second": "1000000", "per_hour": "1000000000", "per_day": "1000000000"}
    pace(("example.org", much), **much)
    assert send(launched) is SliceResult.DONE
    assert len(sink.mails) == 10
    assert progress(session, launched).deferred == 0
    # What was taken for later has been given back.
    permits = permits_at(settings.redis_url)
    for scope in ("", "example.org"):
        terms = built_in(session).terms
        ask = ask_of(terms, terms.domains.get(scope, terms.limit), now(), scope=scope)
        assert permits.used(ask) == (10, 10)
