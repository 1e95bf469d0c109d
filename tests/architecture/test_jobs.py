"""Every background job may run twice, and one whose row has gone does nothing.

A new job is met here without being told of; `GIVEN` names a row of the sample for it to work on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask import Flask

from listmgr import jobs
from listmgr.consent import (
    change_address,
    signup,
)
from listmgr.consent.models import ServiceMail
from listmgr.consent.request_evidence import RequestFacts
from listmgr.kit.clock import now
from listmgr.lists.models import Notice
from tests.checksums import checksums
from tests.sink import running_sink

GONE = 10**9
# Which row a job is called with, by the name of its argument; GONE where the sample has none.
GIVEN: dict[str, Callable[[dict[str, int]], int]] = {
    "signup_id": lambda sample: sample["signup_id"],
    "service_mail_id": lambda sample: sample["service_mail_id"],
    "change_id": lambda sample: sample["change_id"],
    "campaign_id": lambda sample: sample["campaign_id"],
    "act_id": lambda sample: sample["act_id"],
    "export_id": lambda sample: sample["export_id"],
    "slot": lambda _sample: 0,
    "turn": lambda _sample: 0,
}


def names() -> list[str]:
    return sorted(
        name
        for name, found in inspect.getmembers(jobs, inspect.isfunction)
        if found.__module__.startswith("listmgr.jobs") and not name.startswith("_")
    )


@pytest.fixture
def settings(settings) -> Iterator:
    with running_sink() as sink:
        yield replace(settings, mail=sink.account)


@pytest.fixture
def waiting(uow, sample, app: Flask) -> dict[str, int]:
    """The sample, with something to do for most jobs."""
    facts = RequestFacts("192.0.2.9", "Test", "page", "de")
    with uow() as tx:
        notice = tx.session.scalars(sa.select(Notice)).first()
        content = signup.SignupContent("new@example.org", (notice.id,), "de", "https://x.example")
        signup.receive(tx, form_id=sample["form_id"], content=content, at=now())
        change_address.request_change(
            tx, sample["subscriber_id"], "m@else.example", facts=facts, actor="subscriber", at=now()
        )
        tx.session.flush()
        service_mail = tx.session.scalars(sa.select(sa.func.max(ServiceMail.id))).one()
    with uow() as tx:
        found = tx.session.execute(
            sa.text("SELECT (SELECT max(id) FROM signups), (SELECT max(id) FROM address_changes)")
        ).one()
    return sample | {"signup_id": found[0], "change_id": found[1], "service_mail_id": service_mail}


def arguments(name: str, sample: dict[str, int], *, gone: bool = False) -> list[int]:
    found = []
    for argument in inspect.signature(getattr(jobs, name)).parameters:
        row = argument.endswith("_id")
        found.append(GONE if gone and row else GIVEN.get(argument, lambda _sample: GONE)(sample))
    return found


def state(engine: sa.Engine) -> dict[str, str | None]:
    """Everything, but for what tells when something was last looked at."""
    return checksums(engine, but={"scheduled_tasks"})


def test_there_are_jobs():
    assert len(names()) > 15


@pytest.mark.parametrize("name", names())
def test_a_job_may_run_twice(name, app, waiting, engine):
    given = arguments(name, waiting)
    with app.app_context():
        getattr(jobs, name)(*given)
        once = state(engine)
        getattr(jobs, name)(*given)
    assert state(engine) == once


@pytest.mark.parametrize("name", [name for name in names() if arguments(name, {}, gone=True)[:1]])
def test_a_job_whose_row_has_gone_does_nothing(name, app, waiting, engine):
    before = state(engine)
    with app.app_context():
        getattr(jobs, name)(*arguments(name, waiting, gone=True))
    assert state(engine) == before
