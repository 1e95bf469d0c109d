"""Asks PostgreSQL's planner before it is let go: what a search would cost, and what is rare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.search import Condition
from listmgr.kit.predicate import Predicate, all_of


@contextmanager
def planned_anew(session: Session) -> Iterator[None]:
    """A plan made for any value would not know which values are rare; compiling costs more.

    Afterwards plans are kept again: those of the rest of a page do not depend on values.
    """
    _set(session, "force_custom_plan", "off")
    yield
    _set(session, "auto", "on")


def _set(session: Session, cache: str, compiled: str) -> None:
    session.execute(
        sa.text(
            "SELECT set_config('plan_cache_mode', :cache, true), set_config('jit', :jit, true)"
        ),
        {"cache": cache, "jit": compiled},
    )


def plan(session: Session, sql: str, binds: Mapping[str, object]) -> dict[str, float]:
    """What PostgreSQL's planner thinks of a query, which costs nothing."""
    told = session.execute(sa.text(f"EXPLAIN (FORMAT JSON) {sql}"), dict(binds))
    [whole] = told.scalar_one()
    found: dict[str, float] = whole["Plan"]
    return found


@dataclass(frozen=True, slots=True)
class Led:
    """Conditions in an order: the first leads to people by its index, the others test those.

    `rows` is how many the planner thinks it leads to.
    """

    first: Condition
    others: tuple[Condition, ...]
    rows: float

    @property
    def predicate(self) -> Predicate:
        """All of them, over `s`."""
        first = Predicate(self.first.find, self.first.binds)
        return all_of([first, *(Predicate(one.test, one.binds) for one in self.others)])


def rarest_first(session: Session, asked: Sequence[Condition]) -> Led:
    """Led by what is rarest as the planner sees it."""
    people = "SELECT FROM subscribers s WHERE "
    rows = [plan(session, people + one.find, one.binds)["Plan Rows"] for one in asked]
    least = min(range(len(asked)), key=rows.__getitem__)
    others = tuple(one for n, one in enumerate(asked) if n != least)
    return Led(asked[least], others, rows[least])
