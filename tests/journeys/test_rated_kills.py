"""A worker that sends slowly is killed: it costs what it had handed over, and hardly more (F9)."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.kit.clock import now
from tests.conftest import UnitOfWork
from tests.factories import (
    launched,
    make_list,
)
from tests.journeys.test_stops import finished, wait_for
from tests.journeys.workers import started
from tests.many_subscribers import make_crowd
from tests.sink import running_sink

PEOPLE, RATE, KILLS = 1200, 400, 3


@pytest.mark.timeout(120)
def test_f09_a_kill_at_a_rate_leaves_hardly_anybody_uncertain_who_was_not_handed_over(
    uow: UnitOfWork, superuser: sa.Engine, settings: Settings, session: Session, tmp_path: Path
):
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, PEOPLE, 10)
    campaign_id = launched(uow, notice.purpose_id, at=now())
    chance = random.Random()
    told = {"LISTMGR_SEND_RATE": str(RATE), "LISTMGR_SEND_SLOTS": "1"}
    with running_sink() as sink, started(settings, sink, tmp_path, count=1, **told) as workers:
        for _ in range(KILLS):
            mark = len(sink.mails) + 100 + chance.randrange(30)
            wait_for(lambda mark=mark: len(sink.mails) >= mark)
            workers.signal_all(workers.horses(), signal.SIGKILL)
        stand = finished(session, campaign_id)
        got = len(sink.mails)
    assert stand.sent + stand.uncertain == PEOPLE
    # Those that are uncertain and never arrived: a tenth of a second's worth each time, at most.
    assert stand.uncertain - (got - stand.sent) <= KILLS * RATE // 10
