"""Acts on many people are paused, cancelled, killed and rung for again."""

from __future__ import annotations

import pytest

from listmgr.bulk.control import sweep
from listmgr.bulk.lifecycle import BulkStatus
from listmgr.bulk.worker import (
    run_slice,
    step,
)
from listmgr.privacy.erasure import erase
from tests.bulk.test_bulk import column
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("small_chunks")


def test_pausing_cancelling_and_undoing_half_of_it(office, people, uow, session):
    act = office.prepare(kind="set_field", field="company", value="Neu")
    office.steer(act.id, "start")
    with uow() as tx:
        assert step(tx, act.id, erase=erase, at=NOW)
    office.steer(act.id, "pause")
    assert office.work(act.id).position == 1
    office.steer(act.id, "resume")
    office.steer(act.id, "cancel")
    act = office.work(act.id)
    assert (act.status, act.done) == (BulkStatus.CANCELLED, {"change": 2})
    assert column(session, "company") == ["Neu", "Neu", "", "", ""]
    assert office.undo(act.id).undone == {"undone": 2}
    assert column(session, "company") == [""] * 5


def test_a_kill_between_two_commits_does_nothing_twice(office, people, uow, session):
    act = office.prepare(kind="add_tags", tags="once")
    office.steer(act.id, "start")
    with pytest.raises(RuntimeError), uow() as tx:
        step(tx, act.id, erase=erase, at=NOW)
        raise RuntimeError("killed before the commit")
    assert office.look(act.id).position == 0
    act = office.work(act.id)
    assert act.done == {"change": 4, "restricted": 1}
    assert column(session, "tags") == [["once"]] * 4 + [[]]


def test_a_slice_hands_back_when_its_time_is_over(office, people, uow, jobs):
    act = office.prepare(kind="restrict")
    office.steer(act.id, "start")
    assert not run_slice(uow, act.id, erase=erase, now=lambda: NOW)
    assert office.look(act.id).status is BulkStatus.FINISHED
    assert run_slice(uow, act.id, erase=erase, now=lambda: NOW, seconds=0)
    assert not run_slice(uow, 999, erase=erase, now=lambda: NOW)


def test_a_lost_bell_is_rung_again(office, people, uow, jobs):
    act = office.prepare(kind="restrict")
    office.steer(act.id, "start")
    jobs.clear()
    with uow() as tx:
        sweep(tx)
    assert [(job.name, job.args) for job in jobs] == [("run_bulk", (act.id, 0))]
