"""The scheduler: cheap looks, each task by itself, one claim of several copies."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr import jobs
from listmgr.consent import signup
from listmgr.kit.clock import now
from listmgr.kit.queue import Job
from listmgr.lists.models import SignupForm
from listmgr.scheduler import TASKS, Scheduler, Task
from tests.factories import make_list


@pytest.fixture
def rung() -> list[Job]:
    return []


@pytest.fixture
def scheduler(engine: sa.Engine, rung: list[Job]) -> Callable[..., Scheduler]:
    looking = engine.execution_options(isolation_level="AUTOCOMMIT")

    def make(**tasks: Task) -> Scheduler:
        return Scheduler(looking, rung.extend, tasks or TASKS)

    return make


def names(rung: list[Job]) -> set[str]:
    return {job.name for job in rung}


def test_every_task_names_a_registered_job():
    assert {task.job.name for task in TASKS.values()} <= set(jobs.__all__)


def test_at_rest_only_jobs_without_a_look_are_rung(scheduler, rung, caplog):
    scheduler().turn()
    assert names(rung) == {task.job.name for task in TASKS.values() if not task.look} | {
        # Nobody knows yet what had changed before.
        "tidy_search"
    }
    assert caplog.records == []
    rung.clear()
    another = scheduler()
    another.turn()
    assert rung == []


def test_a_signup_that_waits_is_found(scheduler, rung, uow):
    with uow() as tx:
        notice = make_list(tx)[2]
        form = SignupForm(slug="x", title_de="X", title_en="X")
        tx.session.add(form)
        tx.session.flush()
        content = signup.SignupContent("a@example.org", (notice.id,), "de", "https://x.example")
        signup.receive(tx, form_id=form.id, content=content, at=now() - timedelta(seconds=6))
    scheduler().turn()
    assert "sweep_signups" in names(rung)


def test_f02_a_look_that_fails_keeps_no_other_task_from_being_rung(scheduler, rung, caplog):
    job = Job("sweep_signups")
    tasks = {
        "broken": Task(timedelta(seconds=0), job, "SELECT 1 / 0"),
        "missing": Task(timedelta(seconds=0), job, "SELECT FROM nowhere"),
        "good": Task(timedelta(seconds=0), Job("sweep_cards")),
    }
    running = scheduler(**tasks)
    for _ in range(5):
        running.turn()
        time.sleep(0.01)
    assert names(rung) == {"sweep_cards"}
    # Each is said once, and waits longer than its interval.
    assert len(caplog.records) == 2
    assert "SELECT" not in caplog.text


def test_of_several_schedulers_one_rings(scheduler, rung):
    task = Task(timedelta(minutes=1), Job("sweep_cards"))
    for _ in range(3):
        scheduler(task=task).turn()
    assert len(rung) == 1
