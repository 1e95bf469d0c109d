"""A worker sleeps at the worst moments, and people withdraw meanwhile: nobody of them is mailed."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.delivery.reports.progress import Progress
from listmgr.kit.clock import now
from tests.conftest import UnitOfWork
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
)
from tests.journeys.suspended import SuspendedClock
from tests.journeys.test_stops import finished, wait_for
from tests.journeys.workers import Workers, started
from tests.sink import Sink, Talk, running_sink, scripted

PEOPLE = 40
# These withdraw while the worker sleeps.
LEAVE = range(10, PEOPLE)
FACTS = RequestFacts(method="test")
Sleep = Callable[[Workers], None]


def address(number: int) -> str:
    return f"p{number}@crowd.example"


@pytest.fixture
def consents(uow: UnitOfWork) -> list[int]:
    with uow() as tx:
        notice = make_list(tx)[2]
        return [make_confirmed(tx, address(n), notice, now()).id for n in range(PEOPLE)]


@pytest.fixture
def clock(tmp_path: Path) -> SuspendedClock:
    return SuspendedClock(tmp_path)


@pytest.fixture(params=["stopped", "suspended"])
def sleep(
    request: pytest.FixtureRequest, uow: UnitOfWork, consents: list[int], clock: SuspendedClock
) -> Sleep:
    """Put the workers to sleep, let people withdraw, and let a second go by."""

    def act(workers: Workers) -> None:
        horses = workers.horses()
        assert horses
        workers.signal_all(horses, signal.SIGSTOP)
        for number in LEAVE:
            with uow() as tx:
                withdraw(
                    tx, consents[number], method="page", actor="subscriber", facts=FACTS, at=now()
                )
        if request.param == "stopped":
            time.sleep(1.1)
        else:
            clock.pass_by(30)

    return act


def wake(workers: Workers) -> None:
    workers.signal_all(workers.horses(), signal.SIGCONT)


def nobody_who_left_was_mailed(got: Counter[str], stand: Progress) -> None:
    assert set(got) & {address(n) for n in LEAVE} == set()
    assert set(got) == {address(n) for n in range(PEOPLE) if n not in LEAVE}
    assert max(got.values()) == 1
    assert (stand.sent, stand.uncertain, stand.deferred) == (PEOPLE - len(LEAVE), 0, 0)


@pytest.mark.timeout(100)
def test_f01_a_worker_that_slept_since_it_asked_the_gate_mails_nobody_who_left_meanwhile(
    uow: UnitOfWork,
    engine: sa.Engine,
    settings: Settings,
    session: Session,
    tmp_path: Path,
    clock: SuspendedClock,
    sleep: Sleep,
):
    """Its statement has seen the consents, and waits for a row that somebody else is writing."""
    campaign_id = launched(uow, session.scalar(sa.select(Consent.purpose_id).limit(1)), at=now())
    session.rollback()
    with running_sink() as sink:
        writing = engine.connect()
        writing.execute(
            sa.text(
                "INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, begun_at)"
                " SELECT :campaign, max(subscriber_id), max(id), now() FROM consents"
            ),
            {"campaign": campaign_id},
        )
        with started(settings, sink, tmp_path, count=1, **clock.env) as workers:
            wait_for(lambda: _somebody_waits(engine))
            sleep(workers)
            writing.rollback()
            writing.close()
            wake(workers)
            stand = finished(session, campaign_id)
    nobody_who_left_was_mailed(Counter(to for to, _ in sink.mails), stand)


def _somebody_waits(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        waiting = connection.scalar(
            sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'")
        )
    return bool(waiting)


@pytest.mark.timeout(100)
def test_f01_a_worker_that_slept_with_mails_unwritten_does_not_write_them(
    uow: UnitOfWork,
    settings: Settings,
    session: Session,
    tmp_path: Path,
    clock: SuspendedClock,
    sleep: Sleep,
):
    """The server takes one mail and then no more octets, until the worker has slept."""
    with uow() as tx:
        # All of them are more than the buffers of the system hold.
        tx.session.execute(sa.text("UPDATE subscribers SET first_name = repeat('y', 100)"))
    campaign_id = launched(
        uow,
        session.scalar(sa.select(Consent.purpose_id).limit(1)),
        at=now(),
        body="{{ first_name }} " * 500,
    )
    session.rollback()
    taken: list[tuple[str, int]] = []
    first, go_on = threading.Event(), threading.Event()

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        while True:
            taken.append(talk.take_sized_chunk())
            first.set()
            go_on.wait(30)

    with scripted(script, receive_buffer=4096) as account:
        sink = Sink(account.port)
        with started(settings, sink, tmp_path, count=1, **clock.env) as workers:
            assert first.wait(60)
            sleep(workers)
            left = 1 + -(-octets_under_way(account.port) // taken[0][1])
            go_on.set()
            wake(workers)
            stand = finished(session, campaign_id)
    got = [to for to, _ in taken]
    assert got[:left] == [address(n) for n in range(len(got[:left]))]
    assert set(got[left:]) & {address(n) for n in LEAVE} == set()
    assert len(set(got)) == len(got) == stand.sent
    assert (stand.uncertain, stand.deferred) == (0, 0)


@pytest.mark.timeout(100)
def test_f04_who_was_not_mailed_by_a_sleeper_is_mailed_though_the_campaign_had_finished(
    uow: UnitOfWork, settings: Settings, session: Session, tmp_path: Path, consents: list[int]
):
    """Another worker has taken its lease over meanwhile and called all of it uncertain."""
    assert consents
    with uow() as tx:
        tx.session.execute(sa.text("UPDATE subscribers SET first_name = repeat('y', 100)"))
    campaign_id = launched(
        uow,
        session.scalar(sa.select(Consent.purpose_id).limit(1)),
        at=now(),
        body="{{ first_name }} " * 500,
    )
    session.rollback()
    taken: list[str] = []
    first, go_on = threading.Event(), threading.Event()

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        while True:
            taken.append(talk.take_sized_chunk()[0])
            first.set()
            go_on.wait(60)

    with scripted(script, receive_buffer=4096) as account:
        sink = Sink(account.port)
        with started(settings, sink, tmp_path, count=1) as workers:
            assert first.wait(60)
            asleep = workers.horses()
            workers.signal_all(asleep, signal.SIGSTOP)
            workers.workers.append(workers.start("worker", "--queues=mail,send,work"))
            assert finished(session, campaign_id).uncertain == PEOPLE
            go_on.set()
            workers.signal_all(asleep, signal.SIGCONT)
            wait_for(lambda: _nobody_is_uncertain(session))
            stand = finished(session, campaign_id)
    assert sorted(taken) == sorted(address(n) for n in range(PEOPLE))
    assert (stand.sent, stand.uncertain, stand.deferred) == (PEOPLE, 0, 0)


def _nobody_is_uncertain(session: Session) -> bool:
    session.rollback()
    return not session.scalar(sa.text("SELECT count(*) FROM deliveries WHERE status = 'uncertain'"))


def octets_under_way(port: int) -> int:
    """What has left the worker and not come to the server, as the system counts it."""
    octets = 8_192  # What the server's own buffer may have taken in.
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ends = {int(end.rpartition(":")[2], 16) for end in fields[1:3]}
        if port in ends:
            octets += sum(int(queue, 16) for queue in fields[4].split(":"))
    return octets
