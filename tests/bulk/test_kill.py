"""A worker is killed again and again in the middle of a mass update and of an export."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy as sa

from listmgr.bulk.lifecycle import BulkStatus
from listmgr.exports import (
    downloads,
    worker,
)
from listmgr.exports.models import Export, ExportStatus
from listmgr.exports.request import (
    ExportRequest,
    request_export,
)
from listmgr.operators.models import Role
from listmgr.selections import freeze
from tests.bulk.conftest import EVERYBODY, Office
from tests.conftest import NOW
from tests.factories import make_list
from tests.many_subscribers import make_crowd

PEOPLE, KILLS = 6000, 3

# A worker without its queue: the same slices over its own connections, until it is killed.
WORKER = """
import sys
from contextlib import contextmanager
import sqlalchemy as sa
from sqlalchemy.orm import Session
import listmgr.schema
from listmgr.bulk import worker as bulk_worker
from listmgr.exports import worker as export_worker
from listmgr.kit.clock import now
from listmgr.kit.transaction import transaction
from listmgr.privacy.erasure import erase

engine = sa.create_engine(sys.argv[1])
uow = lambda: transaction(lambda: Session(engine), None, lambda jobs: None)
if sys.argv[2] == "bulk":
    bulk_worker.run_slice(uow, int(sys.argv[3]), erase=erase, now=now, seconds=60)
else:
    export_worker.run_slice(uow, int(sys.argv[3]), now=now, seconds=60)
"""


def work_and_kill(url: str, what: str, number: int, far_enough: Callable[[], bool]) -> None:
    """Start a worker and kill it in the middle of its work, as soon as it is far enough."""
    argv = [sys.executable, "-c", WORKER, url, what, str(number)]
    with subprocess.Popen(argv) as process:
        end = time.monotonic() + 120
        while not far_enough() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it was through before it could be killed"


def is_at(office: Office, act_id: int, position: int) -> bool:
    return office.look(act_id).position >= position


@pytest.fixture
def crowd(office: Office, uow, superuser, monkeypatch) -> None:
    # Small chunks: a kill finds many places to fall between.
    monkeypatch.setattr(freeze, "CHUNK", 20)
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, PEOPLE, 0)


def test_kill_9_amid_a_mass_update_changes_everybody_once(office, crowd, settings, session):
    act = office.prepare(kind="add_tags", tags="x")
    office.steer(act.id, "start")
    reached = 0
    for _ in range(KILLS):
        reached += random.randint(1, 20)
        far_enough = partial(is_at, office, act.id, reached)
        work_and_kill(settings.database_url, "bulk", act.id, far_enough)
        reached = office.look(act.id).position
    act = office.work(act.id)
    assert (act.status, act.done) == (BulkStatus.FINISHED, {"change": PEOPLE})
    assert session.scalars(sa.text("SELECT DISTINCT tags FROM subscribers")).all() == [["x"]]
    kept = "SELECT count(*) FROM bulk_undo_values, jsonb_object_keys(before)"
    assert session.scalar(sa.text(kept)) == PEOPLE
    assert office.undo(act.id).undone == {"undone": PEOPLE}


def test_kill_9_amid_an_export_leaves_a_whole_file(office, crowd, uow, settings, session):
    with uow() as tx:
        who = {"operator_id": office.operator_id, "role": Role.PRIVACY, "at": NOW}
        export_id = request_export(
            tx, ExportRequest("csv", "check", "x"), ["id"], EVERYBODY, **who
        ).id

    def pieces() -> int:
        with uow() as tx:
            return tx.session.get_one(Export, export_id).pieces

    work_and_kill(settings.database_url, "export", export_id, lambda: pieces() >= 2)
    assert not worker.run_slice(uow, export_id, now=lambda: NOW, seconds=60)
    export = session.get_one(Export, export_id)
    assert export.status is ExportStatus.READY
    octets = b"".join(downloads.pieces(uow, export))
    lines = octets.decode().removeprefix("\ufeff").split()
    assert lines == ["id", *map(str, range(1, PEOPLE + 1))]
