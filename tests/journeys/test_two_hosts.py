"""Two hosts that share nothing but PostgreSQL, Valkey and the mail server send one campaign."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery.launch import launch
from listmgr.delivery.reports.progress import progress
from listmgr.kit.clock import now
from listmgr.schema import resource
from tests.conftest import UnitOfWork
from tests.factories import make_list
from tests.journeys.hosts import Host, Road, hosts, needs_hosts, road
from tests.journeys.workers import started
from tests.many_subscribers import make_crowd
from tests.sink import Sink, running_sink

PEOPLE, OTHERS = 1500, 150
pytestmark = needs_hosts


@pytest.fixture
def campaign_id(uow: UnitOfWork, superuser: sa.Engine, settings: Settings) -> int:
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, PEOPLE, OTHERS)
    with uow() as tx:
        draft = compose.Draft("Both", notice.purpose_id, "Hallo {{ first_name }}", body="Hallo!")
        made = compose.create(tx, draft, operator_id=None, at=now()).id
    with uow() as tx:
        tx.settings = replace(settings, lease_size=50)
        launch(tx, made, templates=resource("templates"), at=now())
    return made


def _roads(stack: ExitStack, host: Host, settings: Settings, sink: Sink) -> dict[str, Road]:
    database, queue = urlsplit(settings.database_url), urlsplit(settings.redis_url)
    socket = f"{parse_qs(database.query)['host'][0]}/.s.PGSQL.5432"
    ends = {
        "database": socket,
        "queue": ("127.0.0.1", queue.port or 6379),
        "mail": ("127.0.0.1", sink.port),
    }
    return {name: stack.enter_context(road(host.ours, to)) for name, to in ends.items()}


def _told(host: Host, roads: dict[str, Road], settings: Settings) -> dict[str, str]:
    secret = urlsplit(settings.redis_url).password
    return {
        "DATABASE_URL": f"postgresql://listmgr_app@{host.ours}:{roads['database'].port}/listmgr",
        "REDIS_URL": f"redis://:{secret}@{host.ours}:{roads['queue'].port}/0",
        "LISTMGR_SMTP_URL": f"smtp://{host.ours}:{roads['mail'].port}",
        "LISTMGR_WINDOW_SIZE": "20",
        # So slow that neither could have done it alone before the other had begun.
        "LISTMGR_SEND_RATE": "150",
    }


@pytest.mark.timeout(200)
def test_two_hosts_share_a_campaign_without_a_double_and_without_a_loss(
    campaign_id: int, settings: Settings, session: Session, tmp_path: Path
):
    with ExitStack() as stack:
        sink = stack.enter_context(running_sink())
        ways = []
        for host in stack.enter_context(hosts(2)):
            folder = tmp_path / host.name
            folder.mkdir()
            ways.append((host, roads := _roads(stack, host, settings, sink)))
            told = _told(host, roads, settings)
            # Each has a scheduler as well: two of them ring no campaign twice.
            stack.enter_context(
                started(settings, sink, folder, count=2, within=host.within, **told)
            )
        end = time.monotonic() + 120
        while time.monotonic() < end:
            time.sleep(0.2)
            session.expire_all()
            if session.get_one(Campaign, campaign_id).status is CampaignStatus.FINISHED:
                break
            session.rollback()
    logs = "".join(path.read_text()[-2000:] for path in tmp_path.rglob("log"))
    found = progress(session, campaign_id)
    assert session.get_one(Campaign, campaign_id).status is CampaignStatus.FINISHED, (found, logs)
    got = Counter(to for to, _ in sink.mails)
    assert set(got) == {f"p{n}@crowd.example" for n in range(1, PEOPLE + 1)}
    assert max(got.values()) == 1, "somebody was mailed twice"
    assert (found.sent, found.uncertain, found.remaining) == (PEOPLE, 0, 0)
    for host, roads in ways:
        assert set(roads["mail"].peers) == {host.its}, "a host has taken no part"
