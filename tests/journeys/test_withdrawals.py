"""People leave while a campaign goes out: it takes effect within a window, and they are counted."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.models import Consent
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token
from tests.conftest import UnitOfWork
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
)
from tests.journeys.test_stops import finished, status_of
from tests.journeys.workers import started
from tests.sink import running_sink

PEOPLE, LEAVE = 160, 30
# The campaign takes four seconds.
SLOWLY = {"LISTMGR_SEND_RATE": "40", "LISTMGR_WINDOW_SIZE": "20"}
WINDOW = 1.0
# What the mail needs from the worker to here, on a machine that has other things to do.
ON_ITS_WAY = 0.5


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, lease_size=50, domain_per_hour=1000)


@pytest.fixture
def people(uow: UnitOfWork) -> dict[str, int]:
    """Everybody by address, and their purpose is the first one."""
    with uow() as tx:
        notice = make_list(tx)[2]
        found = [
            make_confirmed(tx, f"p{n}@crowd.example", notice, now()) for n in range(1, PEOPLE + 1)
        ]
        return {f"p{n}@crowd.example": one.subscriber_id for n, one in enumerate(found, start=1)}


@pytest.mark.timeout(100)
def test_t12_l14_who_leaves_meanwhile_gets_nothing_after_a_window_and_is_counted(
    people: dict[str, int],
    client: FlaskClient,
    uow: UnitOfWork,
    settings: Settings,
    session: Session,
    tmp_path: Path,
):
    campaign_id = launched(uow, 1, at=now())
    waiting = random.sample(sorted(people, key=people.get)[30:], LEAVE)
    left: dict[str, float] = {}
    arrived: dict[str, float] = {}
    with running_sink() as sink, started(settings, sink, tmp_path, count=1, **SLOWLY):
        sink.on_data = lambda to: arrived.update({to: time.monotonic()})
        while status_of(session, campaign_id).value == "running":
            if sink.mails and waiting:
                address = waiting.pop()
                token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, people[address])
                assert client.post(f"/p/{token}", data={"everything": "1"}).status_code == 200
                left[address] = time.monotonic()
            time.sleep(0.05)
        stand = finished(session, campaign_id)
    got = Counter(to for to, _mail in sink.mails)
    late = {to: arrived[to] - at for to, at in left.items() if to in got}
    assert {to: by for to, by in late.items() if by > WINDOW + ON_ITS_WAY} == {}
    spared = set(left) - set(got)
    assert len(left) == LEAVE
    assert len(spared) > 5
    assert set(got) == set(people) - spared
    assert max(got.values()) == 1
    assert stand.skipped == {"not_confirmed": len(spared)}
    assert (stand.sent, stand.uncertain, stand.remaining) == (PEOPLE - len(spared), 0, 0)
    statuses = Counter(session.scalars(sa.select(Consent.status)))
    assert statuses == {"withdrawn": LEAVE, "confirmed": PEOPLE - LEAVE}
