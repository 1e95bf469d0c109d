"""One recipient's server never stops a campaign; several in a row do, and so does the relay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose, control
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery import (
    domain_limits,
    sweep,
)
from listmgr.delivery.launch import launch
from listmgr.delivery.models import Delivery
from listmgr.delivery.sender_faults import SenderFaults
from listmgr.delivery.smtp.reply_codes import DELAYS
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import (
    BackOff,
    permits_at,
)
from listmgr.lists.models import Notice
from listmgr.suppression.models import Suppression
from tests.conftest import NOW, UnitOfWork
from tests.delivery.conftest import TEMPLATES
from tests.delivery.test_engine import Send, statuses
from tests.factories import make_confirmed
from tests.sink import Sink

Launch = Callable[[list[str]], int]


@pytest.fixture
def launch_to(uow: UnitOfWork, notice: Notice) -> Launch:
    """Launch a campaign to these addresses, in their order."""

    def run(addresses: list[str]) -> int:
        with uow() as tx:
            for address in addresses:
                make_confirmed(tx, address, notice, NOW)
            draft = compose.Draft("Mai", notice.purpose_id, "Neues", body="Hallo!")
            campaign = compose.create(tx, draft, operator_id=None, at=NOW)
        with uow() as tx:
            launch(tx, campaign.id, templates=TEMPLATES, at=NOW)
        return campaign.id

    return run


def make_due(uow: UnitOfWork) -> None:
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'deferred'")
        )


def test_f03_one_recipients_server_never_stops_a_campaign(
    launched: int,
    send: Send,
    sink: Sink,
    uow: UnitOfWork,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(domain_limits, "BACK_OFF", BackOff(strikes=100))
    sink.rcpt["p0@example.org"] = "550 5.7.1 we take no mail from strangers"
    send(launched)
    campaign = session.get_one(Campaign, launched)
    assert campaign.status is CampaignStatus.RUNNING
    assert statuses(session, launched) == {"sent": 9, "deferred": 1}
    refused = session.scalars(sa.select(Delivery).where(Delivery.status == "deferred")).one()
    assert refused.attempts == 1
    assert refused.next_attempt_at is not None
    assert refused.next_attempt_at > now()
    # The person's own attempts end, and the campaign does.
    for _ in DELAYS:
        make_due(uow)
        send(launched)
    session.expire_all()
    assert statuses(session, launched) == {"sent": 9, "failed": 1}
    assert (refused.attempts, refused.failure_code) == (len(DELAYS) + 1, "5.7.1")
    with uow() as tx:
        sweep.sweep_campaigns(tx, at=now())
    session.expire_all()
    assert campaign.status is CampaignStatus.FINISHED
    assert session.scalars(sa.select(Suppression)).all() == []


def test_f03_several_domains_in_a_row_pause_and_resume_begins_with_others(
    launch_to: Launch, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    addresses = [f"p@d{n}.example" for n in range(8)]
    sink.rcpt.update(dict.fromkeys(addresses, "550 5.7.26 unauthenticated"))
    launched = launch_to(addresses)
    send(launched)
    campaign = session.get_one(Campaign, launched)
    assert campaign.status is CampaignStatus.PAUSED
    assert campaign.pause_reason.startswith("Neither SPF nor DKIM proves the sender.")
    assert statuses(session, launched) == {"deferred": 3}
    # Put right for those who were not asked yet.
    for address in addresses[3:]:
        del sink.rcpt[address]
    with uow() as tx:
        control.resume(tx, launched)
    send(launched)
    session.expire_all()
    assert campaign.status is CampaignStatus.RUNNING
    assert [to for to, _ in sink.mails] == addresses[3:]
    # A window of nothing but those who were refused before does not stop it, either.
    make_due(uow)
    send(launched)
    session.expire_all()
    assert campaign.status is CampaignStatus.RUNNING


def test_f03_a_mail_that_is_taken_breaks_the_row(
    launch_to: Launch, send: Send, sink: Sink, session: Session
):
    addresses = [f"p@d{n}.example" for n in range(8)]
    sink.rcpt.update(dict.fromkeys(addresses[::2], "550 5.7.1 no"))
    launched = launch_to(addresses)
    send(launched)
    assert session.get_one(Campaign, launched).status is CampaignStatus.RUNNING
    assert statuses(session, launched) == {"sent": 4, "deferred": 4}


def test_f03_the_row_goes_on_in_the_next_slice(settings: Settings, engine: sa.Engine):
    permits = permits_at(settings.redis_url)
    for scope in ("a.example", "b.example"):
        faults = SenderFaults(permits, 7)
        assert not faults.refuse(scope)
        faults.close()
    last = SenderFaults(permits, 7)
    assert not SenderFaults(permits, 8).scopes
    assert not last.refuse("a.example")
    assert last.refuse("c.example")
    last.close()
    # After a pause it begins anew.
    assert not SenderFaults(permits, 7).scopes


def test_f03_the_submission_servers_own_refusal_pauses_at_once(
    launched: int, send: Send, sink: Sink, uow: UnitOfWork, session: Session
):
    sink.mail_reply = "550 sender not allowed"
    send(launched)
    campaign = session.get_one(Campaign, launched)
    assert campaign.status is CampaignStatus.PAUSED
    assert "sender not allowed" in campaign.pause_reason
    assert statuses(session, launched) == {"deferred": 3}
    with uow() as tx:
        control.resume(tx, launched)
    send(launched)
    # Again it did not begin with the same people.
    assert statuses(session, launched) == {"deferred": 4}
    assert set(session.scalars(sa.select(Delivery.attempts))) == {1}
    sink.mail_reply = "250 ok"
    with uow() as tx:
        control.resume(tx, launched)
    make_due(uow)
    send(launched)
    assert len(sink.mails) == 10
