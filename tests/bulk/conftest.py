"""Some people, an operator, and an act from its preparation to its end without a worker."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.bulk.control import steer
from listmgr.bulk.lifecycle import BulkDeed
from listmgr.bulk.models import BulkAct
from listmgr.bulk.prepare import BulkRequest, prepare
from listmgr.bulk.worker import step
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Role
from listmgr.privacy.erasure import erase
from listmgr.selections import freeze
from listmgr.selections.freeze import SelectionRequest
from listmgr.selections.models import SelectionKind
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)

NAMES = ("anna", "bert", "cleo", "dora", "emil")
EVERYBODY = SelectionRequest(SelectionKind.FOUND)


class Office:
    """An operator at mass updates."""

    def __init__(self, uow: UnitOfWork, operator_id: int) -> None:
        self.uow = uow
        self.operator_id = operator_id
        self.role = Role.PRIVACY

    def prepare(self, chosen: SelectionRequest = EVERYBODY, **asked: str) -> BulkAct:
        """Asked for and counted: ready to start."""
        with self.uow() as tx:
            told = BulkRequest(**asked)
            who = self.operator_id
            act = prepare(tx, told, chosen, operator_id=who, role=self.role, at=NOW)
        return self.work(act.id)

    def work(self, act_id: int) -> BulkAct:
        """As a worker does it, a commit for each step."""
        more = True
        while more:
            with self.uow() as tx:
                more = step(tx, act_id, erase=erase, at=NOW)
        return self.look(act_id)

    def look(self, act_id: int) -> BulkAct:
        with self.uow() as tx:
            return tx.session.get_one(BulkAct, act_id)

    def steer(self, act_id: int, deed: str, at=NOW) -> BulkAct:
        with self.uow() as tx:
            return steer(tx, act_id, BulkDeed(deed), role=self.role, at=at)

    def do(self, chosen: SelectionRequest = EVERYBODY, **asked: str) -> BulkAct:
        """All of it."""
        act = self.prepare(chosen, **asked)
        self.steer(act.id, "start")
        return self.work(act.id)

    def undo(self, act_id: int) -> BulkAct:
        self.steer(act_id, "undo")
        return self.work(act_id)


@pytest.fixture
def office(uow: UnitOfWork) -> Office:
    with uow() as tx:
        made = create_operator(tx, email="p@example.org", name="Pia", role="privacy", at=NOW)
        return Office(uow, made.id)


def ticked(*ids: int) -> SelectionRequest:
    return SelectionRequest(SelectionKind.TICKED, ids=ids)


@pytest.fixture
def people(uow: UnitOfWork) -> list[int]:
    """Five confirmed people; the last one's processing is restricted."""
    with uow() as tx:
        notice = make_list(tx)[2]
        made = [make_confirmed(tx, f"{name}@example.com", notice, NOW) for name in NAMES]
        tx.session.execute(
            sa.update(Subscriber)
            .where(Subscriber.address_key == "emil@example.com")
            .values(restricted_at=NOW)
        )
        return [consent.subscriber_id or 0 for consent in made]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze, "CHUNK", 2)
    monkeypatch.setattr(freeze, "BATCH", 1)
