"""What failed is tried again on request, through the gate; what is uncertain only on purpose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import control
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery import sweep
from listmgr.delivery.models import Delivery, DeliveryStatus, FailureKind
from listmgr.delivery.reports import (
    retry_estimate,
    undelivered,
)
from listmgr.delivery.reports.progress import (
    Mark,
    problems,
    progress,
    speed,
)
from listmgr.delivery.resend import (
    ResendScope,
    resend,
)
from listmgr.delivery.smtp.providers import provider
from listmgr.kit.clock import now
from listmgr.kit.errors import Refused
from tests.conftest import UnitOfWork
from tests.delivery.test_engine import end, statuses
from tests.sink import Sink

Send = Callable[..., bool]


@pytest.fixture
def refused(launched: int, send: Send, sink: Sink, uow: UnitOfWork) -> int:
    """Two were refused by policy of the mailbox, one has no mailbox; the campaign is finished."""
    sink.rcpt["p2@example.org"] = "550 5.5.0 not today"
    sink.rcpt["p3@example.org"] = "550 5.5.0 not today"
    sink.rcpt["p4@example.org"] = "550 5.1.1 no such user"
    send(launched)
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
    sink.rcpt.clear()
    return launched


def finish(uow: UnitOfWork) -> None:
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())


def test_the_failed_ones_are_mailed_and_nobody_twice(
    refused: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session, jobs: list
):
    assert session.get_one(Campaign, refused).status is CampaignStatus.FINISHED
    assert progress(session, refused).failed == 3
    session.rollback()
    jobs.clear()
    with uow() as tx:
        assert resend(tx, refused, ResendScope.FAILED) == 3
    assert {job.name for job in jobs} == {"send_slice"}
    with uow() as tx:
        # A second click finds nothing left to do.
        assert resend(tx, refused, ResendScope.FAILED) == 0
    stand = progress(session, refused)
    assert (stand.failed, stand.deferred, stand.sent) == (0, 3, 7)
    session.rollback()
    send(refused)
    finish(uow)
    stand = progress(session, refused)
    # Who has no mailbox was blocked when that was known, and is held back by the gate.
    assert (stand.sent, stand.failed, stand.deferred) == (9, 1, 0)
    got = [to for to, _ in sink.mails]
    assert sorted(got) == sorted(f"p{n}@example.org" for n in range(10) if n != 4)
    assert session.get_one(Campaign, refused).status is CampaignStatus.FINISHED
    assert statuses(session, refused) == {"sent": 9, "failed": 1}
    with uow() as tx:
        assert resend(tx, refused, ResendScope.FAILED) == 0


def test_l14_who_left_meanwhile_is_not_mailed_by_the_retry(
    refused: int, send: Send, sink: Sink, uow: UnitOfWork, people: list[int], session: Session
):
    end(uow, people[2])
    with uow() as tx:
        resend(tx, refused, ResendScope.FAILED)
    send(refused)
    assert "p2@example.org" not in {to for to, _ in sink.mails}
    assert "p3@example.org" in {to for to, _ in sink.mails}


def test_m16_uncertain_ones_are_sent_again_only_on_purpose(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    send(launched)
    with uow() as tx:
        tx.session.execute(
            sa.text(
                "UPDATE deliveries SET status = 'uncertain', failure = 'uncertain',"
                " failure_code = '', failure_scope = ''"
                " WHERE subscriber_id = 1"
            )
        )
        tx.session.execute(
            sa.text(
                "UPDATE campaign_leases SET sent = sent - 1, uncertain = uncertain + 1"
                " WHERE lo = (SELECT min(lo) FROM campaign_leases)"
            )
        )
    finish(uow)
    before = sink.mails[:]
    with uow() as tx:
        assert resend(tx, launched, ResendScope.FAILED) == 0
    send(launched)
    assert sink.mails == before
    with uow() as tx:
        assert resend(tx, launched, ResendScope.UNCERTAIN) == 1
    send(launched)
    again = sink.to("p0@example.org")
    # The same Message-ID, by which a receiver can drop the double.
    assert len(again) == 2
    assert again[0]["Message-ID"] == again[1]["Message-ID"]
    assert progress(session, launched).uncertain == 0


def look(session: Session, settings: Settings, campaign_id: int) -> tuple[int, int, bool]:
    session.rollback()
    found = retry_estimate.retriable(session, settings, session.get_one(Campaign, campaign_id))
    return found.count, found.looked_at, found.whole


def test_how_many_a_retry_would_reach_is_asked_of_the_gate(
    refused: int, send: Send, uow: UnitOfWork, people: list[int], session: Session, settings
):
    # Two may be mailed; the third is blocked, for there is no such mailbox.
    assert look(session, settings, refused) == (2, 3, True)
    end(uow, people[2])
    assert look(session, settings, refused) == (1, 3, True)
    with uow() as tx:
        resend(tx, refused, ResendScope.FAILED)
    assert look(session, settings, refused) == (0, 0, True)
    send(refused)
    # Whom the gate held back then is left out by the next retry, so they are not counted either.
    assert statuses(session, refused) == {"sent": 8, "failed": 2}
    assert look(session, settings, refused) == (0, 0, True)


def test_the_look_at_who_failed_is_bounded_and_says_so(
    refused: int, session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retry_estimate, "OF_EACH", 1)
    assert look(session, settings, refused) == (1, 2, False)
    monkeypatch.setattr(retry_estimate, "OF_EACH", 2)
    assert look(session, settings, refused) == (2, 3, True)
    # Those that block the address come last, and who is not looked at any more is blocked.
    monkeypatch.setattr(retry_estimate, "KINDS", 1)
    assert look(session, settings, refused) == (2, 2, True)
    monkeypatch.setattr(retry_estimate, "KINDS", 0)
    assert look(session, settings, refused) == (0, 0, False)


def test_a_draft_or_a_cancelled_campaign_is_not_tried_again(refused: int, uow: UnitOfWork):
    with uow() as tx:
        tx.session.execute(sa.text("UPDATE campaigns SET status = 'running'"))
        control.cancel(tx, refused, at=now())
    with pytest.raises(Refused), uow() as tx:
        resend(tx, refused, ResendScope.FAILED)


def test_a_paused_campaign_stays_paused(refused: int, uow: UnitOfWork, session: Session):
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE campaigns SET status = 'paused', pause_cause = 'operator'")
        )
    with uow() as tx:
        assert resend(tx, refused, ResendScope.FAILED) == 3
    assert session.get_one(Campaign, refused).status is CampaignStatus.PAUSED


def test_of_very_many_troubles_of_a_kind_only_some_are_counted(
    refused: int, session: Session, monkeypatch
):
    monkeypatch.setattr("listmgr.delivery.reports.progress.COUNTED", 1)
    found = {problem.key: (problem.count, problem.more) for problem in problems(session, refused)}
    assert found == {"failed:5.5.0:": (1, True), "failed:5.1.1:": (1, False)}


def test_troubles_are_told_by_code_and_by_person(
    refused: int, session: Session, settings: Settings, people: list[int], uow: UnitOfWork
):
    found = {problem.key: problem for problem in problems(session, refused)}
    assert {key: problem.count for key, problem in found.items()} == {
        "failed:5.5.0:": 2,
        "failed:5.1.1:": 1,
    }
    assert found["failed:5.1.1:"].words == "There is no such mailbox."
    assert found["failed:5.1.1:"].reply == "550 5.1.1 no such user"
    assert not any(problem.more for problem in found.values())
    kind = FailureKind(DeliveryStatus.FAILED, "5.5.0")
    page = undelivered.by_failure(session, refused, kind, size=1)
    assert [one.address for one in page.rows] == ["p2@example.org"]
    page = undelivered.by_failure(session, refused, kind, after=page.after or 0, size=1)
    assert ([one.address for one in page.rows], page.after) == (["p3@example.org"], None)
    # What went through has no entry in the index of troubles.
    rows = session.scalars(sa.select(Delivery.failure).where(Delivery.status == "sent")).all()
    assert set(rows) == {None}
    session.rollback()


def test_t13_who_was_held_back_is_named_with_what_holds_them_back(
    launched: int, send: Send, session: Session, settings: Settings, people: list[int], uow
):
    end(uow, people[5])
    send(launched)
    campaign = session.get_one(Campaign, launched)
    page = undelivered.held_back(session, settings, campaign)
    assert [(one.address, one.why) for one in page.rows] == [("p5@example.org", "not_confirmed")]
    everybody = list(undelivered.everybody(uow, settings, campaign.id))
    assert [one.address for one in everybody] == ["p5@example.org"]


def test_t13_only_ranges_in_which_somebody_was_held_back_are_gone_through(
    launched: int,
    send: Send,
    session: Session,
    settings: Settings,
    people: list[int],
    uow: UnitOfWork,
    monkeypatch: pytest.MonkeyPatch,
):
    end(uow, people[1])
    end(uow, people[9])
    send(launched)
    campaign = session.get_one(Campaign, launched)
    monkeypatch.setattr(undelivered, "RANGES", 1)
    first = undelivered.held_back(session, settings, campaign)
    assert [one.address for one in first.rows] == ["p1@example.org"]
    # The second range of four was mailed whole: it is passed over.
    last = undelivered.held_back(session, settings, campaign, after=first.after or 0)
    assert [one.address for one in last.rows] == ["p9@example.org"]
    end_of_all = undelivered.held_back(session, settings, campaign, after=last.after or 0)
    assert (end_of_all.rows, end_of_all.after) == ([], None)
    everybody = [one.address for one in undelivered.everybody(uow, settings, campaign.id)]
    assert everybody == ["p1@example.org", "p9@example.org"]
    session.rollback()


def test_deferred_ones_are_told_with_their_next_attempt(
    launched: int, send: Send, sink: Sink, session: Session
):
    sink.rcpt["p1@example.org"] = "451 4.7.1 greylisted"
    send(launched)
    page = undelivered.by_failure(session, launched, FailureKind(DeliveryStatus.DEFERRED, "4.7.1"))
    assert [one.address for one in page.rows] == ["p1@example.org"]
    assert page.rows[0].next_attempt_at is not None
    assert page.rows[0].next_attempt_at > now()


def test_results_are_counted_by_provider(
    uow: UnitOfWork, notice, send: Send, sink: Sink, session: Session, launched: int
):
    sink.rcpt["p1@example.org"] = "451 4.7.1 greylisted"
    sink.rcpt["p2@example.org"] = "550 5.5.0 no"
    send(launched)
    stand = progress(session, launched)
    assert list(stand.providers) == ["others"]
    assert {k: v for k, v in stand.providers["others"].items() if v} == {
        "sent": 8,
        "deferred": 1,
        "failed": 1,
    }


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("gmail.com", "Google"),
        ("gmx.de", "GMX, WEB.DE, mail.com"),
        ("gmx.net", "GMX, WEB.DE, mail.com"),
        ("yahoo.co.uk", "Yahoo, AOL"),
        ("hotmail.fr", "Microsoft"),
        ("t-online.de", "Telekom"),
        ("outlook.example.org", "others"),
        ("live.example.company", "others"),
        ("example.org", "others"),
        ("localhost", "others"),
    ],
)
def test_domains_belong_to_providers(domain: str, name: str):
    assert provider(domain) == name


def test_the_speed_is_that_of_the_last_seconds(launched: int, session: Session, send: Send):
    campaign = session.get_one(Campaign, launched)
    session.rollback()
    send(launched)
    session.refresh(campaign)
    stand = progress(session, launched)
    at = now()
    found = speed(campaign, stand, Mark(at - timedelta(seconds=5), 0), at)
    assert found is not None
    assert (found.per_second, found.ends_at) == (2.0, None)
    # A young mark is kept, an old one replaced: the speed never looks far back.
    assert found.mark == Mark(at - timedelta(seconds=5), 0)
    older = speed(campaign, stand, Mark(at - timedelta(seconds=11), 0), at)
    assert older is not None
    assert older.mark == Mark(at, 10)
    control_ = speed(campaign, stand, Mark(at + timedelta(seconds=1), 0), at)
    assert control_ is None
