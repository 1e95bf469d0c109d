"""Everything at once, on one campaign: no two transactions may wait for each other in a circle."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose, control
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw_many
from listmgr.delivery import (
    consent_usage,
    domain_limits,
    engine,
    sweep,
)
from listmgr.delivery.launch import launch
from listmgr.delivery.models import CampaignLease, Delivery
from listmgr.delivery.resend import (
    ResendScope,
    resend,
)
from listmgr.delivery.smtp import reply_codes
from listmgr.kit.clock import now
from listmgr.kit.errors import Refused
from listmgr.kit.rate_limiter import BackOff
from listmgr.kit.transaction import transaction
from listmgr.lists.models import Notice
from listmgr.privacy.erasure import erase
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW, UnitOfWork
from tests.delivery.conftest import TEMPLATES
from tests.factories import make_confirmed
from tests.sink import Sink

PEOPLE, SECONDS = 240, 8.0
ENDED = {CampaignStatus.FINISHED, CampaignStatus.CANCELLED}
FACTS = RequestFacts(method="test")
REPLIES = [
    *["250 2.1.5 ok"] * 6,
    "451 4.7.1 greylisted",
    "452 4.2.2 mailbox full",
    "550 5.7.1 not from you",
    "550 5.3.0 no",
]


@dataclass
class Storm:
    """Acts that run side by side, again and again, and what went wrong in them."""

    errors: list[BaseException] = field(default_factory=list)
    rounds: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def repeat(self, act: Callable[[], object]) -> None:
        name = act.__name__

        def run() -> None:
            while not self.over.is_set():
                try:
                    with suppress(Refused):
                        act()
                    self.rounds[name] += 1
                except BaseException as error:  # noqa: BLE001 - told at the end of the test
                    self.errors.append(error)
                time.sleep(random.random() * 0.01)

        self._threads.append(threading.Thread(target=run, name=name))

    def rage(self, seconds: float) -> None:
        for thread in self._threads:
            thread.start()
        time.sleep(seconds)
        self.over.set()
        for thread in self._threads:
            thread.join(60)


def deadlocks(connection: sa.Connection) -> int:
    connection.execute(sa.text("SELECT pg_stat_clear_snapshot()"))
    found = connection.scalar(
        sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    )
    return int(found or 0)


@contextmanager
def no_deadlock(engine: sa.Engine) -> Iterator[None]:
    """Assert that PostgreSQL had none to break; sessions tell of theirs when they end."""
    with engine.connect() as connection:
        before = deadlocks(connection)
    yield
    engine.dispose()
    with engine.connect() as connection:
        assert deadlocks(connection) == before


@pytest.fixture
def stormy(engine: sa.Engine, settings: Settings) -> Iterator[tuple[Settings, UnitOfWork]]:
    """Small leases that are taken over at once, and connections enough."""
    made = replace(
        settings, lease_size=20, window_size=6, lease_seconds=0.02, database_url=str(engine.url)
    )
    own = sa.create_engine(engine.url, pool_size=40)
    yield made, lambda: transaction(lambda: Session(own, expire_on_commit=False), made, ring_nobody)
    own.dispose()


def ring_nobody(_jobs: object) -> None:
    """Nobody rings: the storm's own threads are the workers."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is put off comes back at once, so that retries and first attempts meet."""
    monkeypatch.setattr(reply_codes, "DELAYS", (timedelta(milliseconds=30),) * 6)
    monkeypatch.setattr(engine, "DUE_EVERY", 0.02)
    monkeypatch.setattr(domain_limits, "BACK_OFF", BackOff(strikes=6, first=0.05, longest=0.05))
    monkeypatch.setattr(sweep, "LATE", timedelta(0))


def make_campaign(uow: UnitOfWork, notice: Notice) -> int:
    with uow() as tx:
        draft = compose.Draft("Mai", notice.purpose_id, "Neues", body="Hallo!")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
    with uow() as tx:
        launch(tx, campaign.id, templates=TEMPLATES, at=NOW)
    return campaign.id


@dataclass
class Acts:
    """What workers, operators, people and the sweep do to three campaigns."""

    uow: UnitOfWork
    settings: Settings
    campaigns: list[int]
    leaving: list[int]

    def worker(self, slot: int) -> Callable[[], object]:
        def send_slice() -> None:
            campaign = self.campaigns[slot % 3]
            engine.send_slice(self.uow, self.settings, campaign, f"w{slot}", now=now, seconds=0.3)

        return send_slice

    def pause_and_resume(self) -> None:
        campaign = random.choice(self.campaigns)
        with self.uow() as tx:
            control.pause(tx, campaign)
        with self.uow() as tx:
            control.resume(tx, campaign)

    def resume_all(self) -> None:
        for campaign in self.campaigns:
            with suppress(Refused), self.uow() as tx:
                control.resume(tx, campaign)

    def retry_failed(self) -> None:
        with self.uow() as tx:
            resend(tx, self.campaigns[0], ResendScope.FAILED)
        with self.uow() as tx:
            resend(tx, self.campaigns[1], random.choice(list(ResendScope)))

    def sweep_all(self) -> None:
        with self.uow() as tx:
            sweep.sweep_campaigns(tx, at=now())

    def wake_all(self) -> None:
        with self.uow() as tx:
            control.wake(tx)

    def leave(self) -> None:
        some = [self.leaving.pop() for _ in range(3) if self.leaving]
        with self.uow() as tx:
            withdraw_many(tx, some, method="page", actor="subscriber", facts=FACTS, at=now())
        with self.uow() as tx:
            erase(tx, some, actor="operator:1", at=now())

    def note_uses(self) -> None:
        with self.uow() as tx:
            consent_usage.note_uses(tx)

    def cancel_at_last(self) -> None:
        if len(self.leaving) < PEOPLE / 4:
            with self.uow() as tx:
                control.cancel(tx, self.campaigns[2], at=now())


def test_f12_a_storm_of_acts_has_no_deadlock_and_loses_no_outcome(
    stormy: tuple[Settings, UnitOfWork],
    notice: Notice,
    sink: Sink,
    session: Session,
    impatient: None,
):
    settings, uow = stormy
    addresses = [f"p{n}@d{n % 30}.example" for n in range(PEOPLE)]
    sink.rcpt.update(dict.fromkeys(addresses, lambda: random.choice(REPLIES)))
    with uow() as tx:
        for address in addresses:
            make_confirmed(tx, address, notice, NOW)
        people = list(tx.session.scalars(sa.select(Subscriber.id).order_by(Subscriber.id)))
    campaigns = [make_campaign(uow, notice) for _ in range(3)]
    # The first half stays; the others leave while they are being mailed.
    leaving = random.sample(people[PEOPLE // 2 :], PEOPLE // 2)
    acts = Acts(uow, settings, campaigns, leaving)
    storm = Storm()
    for slot in range(9):
        storm.repeat(acts.worker(slot))
    twice = [acts.retry_failed, acts.sweep_all, acts.note_uses, acts.leave]
    once = [acts.pause_and_resume, acts.resume_all, acts.wake_all, acts.cancel_at_last]
    for act in (*twice, *twice, *once):
        storm.repeat(act)
    with no_deadlock(session.get_bind()):  # type: ignore[arg-type]
        storm.rage(SECONDS)
        assert storm.errors == [], storm.errors[0]
    assert min(storm.rounds[act.__name__] for act in (*twice, *once)) > 1, storm.rounds
    calm_down(acts, session)
    assert len({address for address, _ in sink.mails}) > PEOPLE / 4
    for campaign in campaigns:
        rows = count_rows(session, campaign)
        leases = count_leases(session, campaign)
        assert leases == {name: rows[name] for name in leases}
    # Whoever took a mail of the first campaign, which nobody repeated blindly, is known to have.
    addresses_now = sa.select(Subscriber.address)
    sent = addresses_now.join(Delivery, Delivery.subscriber_id == Subscriber.id).where(
        Delivery.campaign_id == campaigns[0], Delivery.status == "sent"
    )
    first = b"Message-ID: <%d." % campaigns[0]
    accepted = {to for to, octets in list(sink.mails) if first in octets}
    assert accepted & set(session.scalars(addresses_now)) == set(session.scalars(sent))


def calm_down(acts: Acts, session: Session) -> None:
    """Let what was begun come to its end."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        acts.resume_all()
        for campaign in acts.campaigns:
            engine.send_slice(acts.uow, acts.settings, campaign, "last", now=now, seconds=1)
        acts.sweep_all()
        session.rollback()
        if set(session.scalars(sa.select(Campaign.status))) <= ENDED:
            return
    raise AssertionError("the campaigns have not come to an end")


def count_rows(session: Session, campaign_id: int) -> Counter[str]:
    rows = session.execute(
        sa.select(Delivery.status, sa.func.count())
        .where(Delivery.campaign_id == campaign_id)
        .group_by(Delivery.status)
    )
    return Counter({status.value: count for status, count in rows})


def count_leases(session: Session, campaign_id: int) -> dict[str, int]:
    sums = [sa.func.sum(getattr(CampaignLease, name)) for name in ("sent", "failed", "deferred")]
    row = session.execute(
        sa.select(*sums, sa.func.sum(CampaignLease.uncertain)).where(
            CampaignLease.campaign_id == campaign_id
        )
    ).one()
    return dict(zip(("sent", "failed", "deferred", "uncertain"), map(int, row), strict=True))
