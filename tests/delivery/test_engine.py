"""A campaign sent for real: who gets it, who does not, and what every fault leaves behind."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose, control
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.delivery import engine, sweep
from listmgr.delivery.engine import SliceResult
from listmgr.delivery.launch import launch
from listmgr.delivery.leases import claim
from listmgr.delivery.models import CampaignLease, Delivery
from listmgr.delivery.reports.progress import progress
from listmgr.delivery.transmit import (
    SendPlan,
    WindowState,
)
from listmgr.delivery.window import next_window
from listmgr.kit.clock import now
from listmgr.kit.errors import Refused
from listmgr.kit.queue import Job
from listmgr.kit.tokens import TokenPurpose, open_token
from listmgr.lists.models import MailingList, Notice
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression
from tests.conftest import NOW, UnitOfWork
from tests.delivery.conftest import TEMPLATES
from tests.factories import (
    make_confirmed,
    make_pending,
)
from tests.sink import Sink

Send = Callable[..., SliceResult]
FACTS = RequestFacts(method="test")
NAME = (("first_name", "s.first_name"),)


def statuses(session: Session, campaign_id: int) -> dict[str, int]:
    rows = session.execute(
        sa.select(Delivery.status, sa.func.count())
        .where(Delivery.campaign_id == campaign_id)
        .group_by(Delivery.status)
    )
    return {str(status.value): count for status, count in rows}


def end(uow: UnitOfWork, consent_id: int) -> None:
    with uow() as tx:
        withdraw(tx, consent_id, method="page", actor="subscriber", facts=FACTS, at=now())


def test_what_remains_is_counted_by_people_and_not_by_how_far_the_ids_are_passed(
    launched: int, session: Session
):
    session.execute(
        sa.text(
            "UPDATE campaign_leases SET position = lo + 1, sent = 1, deferred = 1,"
            " skipped = '{\"suppressed\": 1}' WHERE lo = 0"
        )
    )
    stand = progress(session, launched)
    assert (stand.sent, stand.remaining, stand.percent) == (1, 7, 30)


def test_everybody_gets_one_mail_and_the_campaign_finishes(
    launched: int, send: Send, sink: Sink, session: Session, uow: UnitOfWork, settings: Settings
):
    assert progress(session, launched).remaining == 10
    assert send(launched) is SliceResult.DONE
    assert sorted(to for to, _ in sink.mails) == sorted(f"p{n}@example.org" for n in range(10))
    mail = sink.to("p3@example.org")[0]
    assert mail["Subject"] == "Neues für Änne"
    assert mail["From"] == "Müller & Töchter <brief@news.example.org>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = mail["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    subscriber = session.scalars(
        sa.select(Subscriber).where(Subscriber.address == "p3@example.org")
    ).one()
    opened = open_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, token)
    assert opened == [launched, subscriber.id]
    assert mail["Message-ID"].endswith("@news.example.org>")
    assert "Hallo Änne!" in mail.get_body(("html",)).get_content()
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
    session.expire_all()
    assert session.get_one(Campaign, launched).status is CampaignStatus.FINISHED
    done = progress(session, launched)
    assert (done.sent, done.remaining, done.percent, done.failed) == (10, 0, 100, 0)
    rested = session.scalars(sa.select(Delivery.consent_id)).all()
    assert sorted(rested) == sorted(session.scalars(sa.select(Consent.id)).all())


def test_a_second_run_and_a_second_worker_mail_nobody_twice(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork
):
    send(launched)
    with uow() as tx:
        tx.session.execute(sa.update(CampaignLease).values(state="open", position=CampaignLease.lo))
    send(launched, "w2")
    assert len(sink.mails) == 10


def test_t12_withdrawn_between_launch_and_window_is_not_mailed(
    launched: int,
    send: Send,
    sink: Sink,
    uow: UnitOfWork,
    session: Session,
    people: list[int],
):
    end(uow, people[4])
    send(launched)
    end(uow, people[5])
    assert "p4@example.org" not in {to for to, _ in sink.mails}
    assert len(sink.mails) == 9
    # Who left after their mail was not held back.
    assert progress(session, launched).skipped == {"not_confirmed": 1}


def test_l14_withdrawn_while_it_runs_is_not_mailed_after_the_next_window(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, people: list[int]
):
    """While the first mail is being handed over, the last in line withdraws."""

    def on_data(address: str) -> None:
        if address == "p0@example.org":
            end(uow, people[9])

    sink.on_data = on_data
    send(launched)
    assert "p9@example.org" not in {to for to, _ in sink.mails}


def test_l14_no_data_begins_when_a_window_has_grown_old(
    launched: int, uow: UnitOfWork, settings: Settings, sink: Sink, people: list[int]
):
    """A worker whose window grew old while it waited asks the gate again before it goes on."""
    alone = replace(settings.mail, connections=1)
    sleepy = replace(settings, window_seconds=0.5, window_size=10, lease_size=10, mail=alone)
    seen: list[int] = []

    def on_data(_address: str) -> None:
        seen.append(1)
        if len(seen) == 1:
            end(uow, people[8])
            time.sleep(0.6)

    sink.on_data = on_data
    engine.send_slice(uow, sleepy, launched, "w", now=now)
    got = {to for to, _ in sink.mails}
    assert "p8@example.org" not in got
    assert len(got) == 9


def test_t13_the_audience_is_who_may_be_mailed_now_not_at_launch(
    uow: UnitOfWork, notice: Notice, send: Send, sink: Sink, people: list[int]
):
    with uow() as tx:
        waiting = make_pending(tx, "late@example.org", notice, NOW)
        draft = compose.Draft("x", notice.purpose_id, "x", body="x")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
    with uow() as tx:
        launch(tx, campaign.id, templates=TEMPLATES, at=NOW)
    send(campaign.id)
    assert waiting.id
    assert "late@example.org" not in {to for to, _ in sink.mails}


@pytest.mark.parametrize("reason", ["restricted", "suppressed", "list_archived", "aged_out"])
def test_whom_the_gate_holds_back_is_counted_by_reason(
    launched: int,
    send: Send,
    sink: Sink,
    uow: UnitOfWork,
    session: Session,
    people: list[int],
    reason: str,
):
    with uow() as tx:
        person = tx.session.get_one(Consent, people[2]).subscriber
        assert person is not None
        if reason == "restricted":
            person.restricted_at = NOW
        elif reason == "suppressed":
            tx.session.add(Suppression(fingerprint=person.fingerprint, reason="objected"))
        elif reason == "list_archived":
            tx.session.execute(sa.update(MailingList).values(archived_at=NOW))
        else:
            tx.session.execute(
                sa.update(Consent)
                .where(Consent.id == people[2])
                .values(last_used_at=now() - timedelta(days=40 * 31))
            )
    send(launched)
    held = 10 if reason == "list_archived" else 1
    assert len(sink.mails) == 10 - held
    assert progress(session, launched).skipped == {reason: held}


def test_m16_a_dead_workers_window_becomes_uncertain_and_the_rest_is_sent(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session, settings: Settings
):
    with uow() as tx:
        lease = claim(tx, launched, "dead")
        assert lease is not None
    with uow() as tx:
        purpose = tx.session.get_one(Campaign, launched).purpose_id
        window = next_window(tx, lease, purpose, NAME, 3)
        assert window is not None
        assert len(window.recipients) == 3
    with uow() as tx:
        tx.session.execute(
            sa.update(CampaignLease)
            .where(CampaignLease.holder == "dead")
            .values(lease_until=now() - timedelta(seconds=1))
        )
    send(launched)
    assert len(sink.mails) == 7
    assert statuses(session, launched) == {"sent": 7, "uncertain": 3}
    found = progress(session, launched)
    assert (found.sent, found.uncertain, found.remaining) == (7, 3, 0)
    # The one thought dead wakes up: the lease is no longer its own.
    with uow() as tx:
        assert next_window(tx, lease, purpose, NAME, 3) is None


def test_a_pause_ends_the_windows_and_a_resume_goes_on(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    def on_data(address: str) -> None:
        if address == "p1@example.org":
            with uow() as tx:
                control.pause(tx, launched)

    sink.on_data = on_data
    send(launched)
    assert 2 <= len(sink.mails) <= 3
    assert send(launched) is SliceResult.DONE
    sink.on_data = None
    with uow() as tx:
        control.resume(tx, launched)
    # At once, and by anybody: the one who was sending has handed its range back.
    send(launched, "w2")
    assert len(sink.mails) == 10
    assert statuses(session, launched) == {"sent": 10}


def test_cancel_ends_it(launched: int, send: Send, sink: Sink, uow: UnitOfWork):
    with uow() as tx:
        control.cancel(tx, launched, at=NOW)
    assert send(launched) is SliceResult.DONE
    assert sink.mails == []
    with pytest.raises(Refused), uow() as tx:
        control.resume(tx, launched)


def test_the_bell_is_rung_for_running_campaigns_only(launched: int, uow: UnitOfWork):
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
        assert tx.jobs == [
            Job("send_slice", (launched, slot, 0), "send", f"send-{launched}-{slot}-0", 180)
            for slot in range(tx.settings.send_slots)
        ]


def test_two_campaigns_to_one_purpose_do_not_touch_each_other(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, notice: Notice
):
    with uow() as tx:
        make_confirmed(tx, "new@example.org", notice, NOW)
        draft = compose.Draft("y", notice.purpose_id, "y", body="y")
        other = compose.create(tx, draft, operator_id=None, at=NOW)
    with uow() as tx:
        launch(tx, other.id, templates=TEMPLATES, at=NOW)
    send(launched)
    assert len(sink.mails) == 10
    send(other.id)
    assert len(sink.mails) == 21


def test_w07_a_slice_says_in_words_what_follows(launched: int, send: Send):
    assert send(launched, seconds=0.0) is SliceResult.MORE
    assert send(launched) is SliceResult.DONE


def test_w08_what_a_slice_sends_does_not_change_while_it_sends():
    assert SendPlan.__dataclass_params__.frozen
    changing = {field.name for field in dataclasses.fields(WindowState)}
    assert changing == {"day", "fault", "away", "waiting", "results", "late"}
