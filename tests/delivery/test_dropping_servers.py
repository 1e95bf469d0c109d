"""A server that drops its connections costs a window of mails once, and hardly any more (F5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.delivery import engine
from listmgr.delivery.in_flight import InFlight, SharedInFlight
from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
)
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import permits_at
from listmgr.lists.models import Notice
from tests.conftest import NOW, UnitOfWork
from tests.delivery.test_engine import statuses
from tests.delivery.test_smtp_pool import (
    answers,
    mails,
)
from tests.factories import (
    launched,
    make_confirmed,
)
from tests.sink import Talk, scripted

A = Answer
PEOPLE = 150


def drops_after(mails: int, taken: list[str]) -> Callable[[Talk], None]:
    """A server that takes so many mails of each connection and then cuts it, having read more."""

    def script(talk: Talk) -> None:
        talk.greet("PIPELINING", "CHUNKING")
        for _ in range(mails):
            recipient = _take(talk)
            taken.append(recipient)
        # What the client has sent meanwhile has left it whole, and is thrown away.
        talk.connection.settimeout(0.1)
        try:
            while talk.connection.recv(1 << 16):
                pass
        except TimeoutError:
            pass
        talk.hang_up()

    return script


def _take(talk: Talk) -> str:
    """One mail, by BDAT or by DATA as the client likes."""
    assert talk.hear() == "RSET"
    talk.say("250 ok")
    assert talk.hear().startswith("MAIL")
    talk.say("250 ok")
    recipient = talk.hear()
    talk.say("250 ok")
    command, *size = talk.hear().split()
    if command == "DATA":
        talk.say("354 go on")
        talk.body()
    else:
        talk.file.read(int(size[0]))
    talk.say("250 kept")
    return recipient


@pytest.mark.parametrize("each", [1, 3, 7])
def test_f05_after_the_first_break_at_most_a_handful_is_uncertain(each: int):
    taken: list[str] = []
    with scripted(drops_after(each, taken)) as account, ConnectionPool(account) as channel:
        found = answers(list(channel.send(mails(60))))
        assert channel.in_flight.size == 1
        first = sum(answer is A.UNCERTAIN for answer in found.values())
        assert first <= 50
        left = 40
        while left:
            found = answers(list(channel.send(mails(left))))
            assert sum(answer is A.UNCERTAIN for answer in found.values()) == 0
            left -= sum(answer is A.ACCEPTED for answer in found.values())


def test_f05_it_is_remembered_by_the_next_slice_and_by_other_workers(
    uow: UnitOfWork, notice: Notice, settings: Settings, session: Session
):
    with uow() as tx:
        for n in range(PEOPLE):
            make_confirmed(tx, f"p@d{n}.example", notice, NOW)
    campaign_id = launched(uow, notice.purpose_id, at=NOW)
    taken: list[str] = []
    with scripted(drops_after(5, taken)) as account:
        careless = replace(settings, mail=account, window_size=100, lease_size=100)
        for turn in range(12):
            engine.send_slice(uow, careless, campaign_id, f"w{turn}", now=now, seconds=1.5)
            session.rollback()
            with uow() as tx:
                tx.session.execute(
                    sa.text(
                        "UPDATE deliveries SET next_attempt_at = now() WHERE status = 'deferred'"
                    )
                )
            if len(taken) + statuses(session, campaign_id).get("uncertain", 0) >= PEOPLE:
                break
    assert SharedInFlight(permits_at(settings.redis_url), account).size == 1
    found = statuses(session, campaign_id)
    assert found["sent"] == len(taken) == len(set(taken))
    # Of the first connection all that was under way; of some thirty others next to nothing.
    assert found["uncertain"] <= 50 + 5
    assert found["sent"] + found["uncertain"] == PEOPLE


def test_f05_with_success_more_is_under_way_again():
    in_flight = InFlight(50)
    assert in_flight.size == 50
    in_flight.fail()
    assert in_flight.size == 1
    sizes = []
    for _ in range(60):
        in_flight.succeed(100)
        sizes.append(in_flight.size)
    assert sizes == [min(50, n + 2) for n in range(60)]
