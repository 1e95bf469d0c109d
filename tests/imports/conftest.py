"""Imports as an operator makes them, without the browser: bring, describe, look through, run."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.imports import control
from listmgr.imports.control import Declaration
from listmgr.imports.models import Import, ImportBatch, ImportRow, Phase
from listmgr.imports.plan import Plan
from listmgr.imports.worker import work_slice
from listmgr.kit.clock import now
from listmgr.lists.models import Notice
from listmgr.operators.accounts import create_operator
from listmgr.subscribers.field_catalogue import catalogue
from tests.conftest import UnitOfWork
from tests.factories import make_list

DECLARED = Declaration("Old program", "consent", "Exported by me today.")
EVIDENCE = {"confirm": True, "how": "Double opt-in", "wording": "Ja, gern.", "system": "Alt"}


@dataclass
class Bench:
    """One operator, one list, and files."""

    uow: UnitOfWork
    operator_id: int
    notice: Notice

    def bring(self, content: bytes | str, name: str = "people.csv", **changes: Any) -> int:
        """A file, described as it was guessed but for `changes` of the plan."""
        content = content.encode() if isinstance(content, str) else content
        with self.uow() as tx:
            made = control.upload(
                tx,
                io.BytesIO(content),
                name,
                fields=catalogue(tx.session),
                language="de",
                operator_id=self.operator_id,
                at=now(),
            )
        plan = replace(Plan.from_stored(made.plan), **changes)
        with self.uow() as tx:
            control.describe(
                tx, made.id, plan, self.notice.purpose_id, DECLARED, operator_id=self.operator_id
            )
        return made.id

    def work(self, import_id: int) -> None:
        """As workers do, until nothing is left."""
        while work_slice(self.uow, import_id, "worker", now=now):
            pass

    def look(self, content: bytes | str, name: str = "people.csv", **changes: Any) -> int:
        """A file that has been looked through."""
        import_id = self.bring(content, name, **changes)
        with self.uow() as tx:
            control.start_check(tx, import_id)
        self.work(import_id)
        return import_id

    def start(self, import_id: int) -> None:
        with self.uow() as tx:
            control.start_run(tx, import_id, operator_id=self.operator_id, at=now())

    def take_in(self, content: bytes | str, name: str = "people.csv", **changes: Any) -> int:
        """A file that has been looked through and run; both must have told the same."""
        import_id = self.look(content, name, **changes)
        foreseen = self.verdicts(import_id, Phase.CHECK)
        self.start(import_id)
        self.work(import_id)
        assert self.verdicts(import_id) == foreseen
        return import_id

    def row(self, import_id: int) -> Import:
        with self.uow() as tx:
            return tx.session.get_one(Import, import_id)

    def verdicts(self, import_id: int, phase: Phase = Phase.RUN) -> dict[str, int]:
        """How many rows of each verdict."""
        found: dict[str, int] = {}
        with self.uow() as tx:
            for batch in tx.session.scalars(
                sa.select(ImportBatch).where(
                    ImportBatch.import_id == import_id, ImportBatch.phase == phase
                )
            ):
                for verdict, count in batch.verdicts.items():
                    found[verdict] = found.get(verdict, 0) + count
        return found

    def kept(self, import_id: int, phase: Phase = Phase.RUN) -> list[tuple[int, str, str]]:
        """Number, verdict and reason of the rows that were kept."""
        with self.uow() as tx:
            rows = tx.session.scalars(
                sa.select(ImportRow)
                .where(ImportRow.import_id == import_id, ImportRow.phase == phase)
                .order_by(ImportRow.number)
            )
            return [(row.number, row.verdict, row.reason) for row in rows]


@pytest.fixture
def bench(uow: UnitOfWork) -> Bench:
    with uow() as tx:
        _list, _purpose, notice = make_list(tx)
        operator = create_operator(
            tx, email="o@example.org", name="Otto", role="administrator", at=now()
        )
        return Bench(uow, operator.id, notice)


@pytest.fixture
def statuses(session: Session) -> Callable[[], dict[str, str]]:
    """Where each person's consents stand, by address, newest last."""

    def look() -> dict[str, str]:
        session.rollback()
        rows = session.execute(
            sa.text(
                "SELECT s.address_key, string_agg(c.status, ' ' ORDER BY c.id) FROM subscribers s"
                " LEFT JOIN consents c ON c.subscriber_id = s.id GROUP BY 1"
            )
        )
        return {address: stands or "" for address, stands in rows}

    return look
