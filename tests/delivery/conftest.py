"""A real SMTP server and a launched campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from listmgr.campaigns import compose, control
from listmgr.config import Settings
from listmgr.delivery import engine
from listmgr.delivery.launch import launch
from listmgr.delivery.smtp.providers import NAMES
from listmgr.kit.clock import now
from listmgr.lists.models import Notice
from listmgr.schema import resource
from listmgr.senders.edit import pace_sender
from listmgr.senders.limits_form import LimitsForm
from listmgr.senders.models import BUILT_IN
from listmgr.senders.quiet_hours import QuietHoursForm
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)
from tests.sink import Sink, running_sink

TEMPLATES: Path = resource("templates")


@pytest.fixture(scope="session")
def shared_sink() -> Iterator[Sink]:
    with running_sink() as started:
        yield started


@pytest.fixture
def sink(shared_sink: Sink) -> Sink:
    shared_sink.mails.clear()
    shared_sink.rcpt.clear()
    shared_sink.data_reply = "250 2.0.0 kept"
    shared_sink.mail_reply = "250 2.1.0 ok"
    shared_sink.on_data = None
    return shared_sink


@pytest.fixture
def settings(settings: Settings, sink: Sink) -> Settings:
    return replace(settings, mail=sink.account, lease_size=4, window_size=3)


@pytest.fixture
def notice(uow: UnitOfWork) -> Notice:
    with uow() as tx:
        return make_list(tx)[2]


@pytest.fixture
def people(uow: UnitOfWork, notice: Notice) -> list[int]:
    """Ten people who have confirmed; their consent ids."""
    with uow() as tx:
        return [make_confirmed(tx, f"p{n}@example.org", notice, NOW).id for n in range(10)]


@pytest.fixture
def launched(uow: UnitOfWork, notice: Notice, people: list[int]) -> int:
    """A campaign that has just been launched to them."""
    with uow() as tx:
        draft = compose.Draft(
            "Mai", notice.purpose_id, "Neues für {{ first_name }}", body="Hallo {{ first_name }}!"
        )
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
    with uow() as tx:
        launch(tx, campaign.id, templates=TEMPLATES, at=NOW)
    return campaign.id


@pytest.fixture
def send(uow: UnitOfWork, settings: Settings) -> Callable[..., engine.SliceResult]:
    """Run slices as a worker does."""

    def run(campaign_id: int, holder: str = "w1", **options: float) -> engine.SliceResult:
        return engine.send_slice(uow, settings, campaign_id, holder, now=now, **options)

    return run


@pytest.fixture
def pace(uow: UnitOfWork) -> Callable[..., None]:
    """Limit the built-in sender."""

    def set_pace(
        *rows: tuple[str, dict[str, str]], quiet: QuietHoursForm | None = None, **told: str
    ):
        with uow() as tx:
            pace_sender(
                tx,
                BUILT_IN,
                LimitsForm(**told),
                quiet or QuietHoursForm(),
                list(rows),
                providers=NAMES,
            )
            control.wake(tx)

    return set_pace
