"""Count the people of a search or segment: exactly if that is cheap, else by estimate."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.sql_condition import Predicate
from listmgr.search.conditions import (
    SubscriberQuery,
    everything,
    predicate,
)
from listmgr.search.query_planner import (
    plan,
    planned_anew,
    rarest_first,
    some_people,
)

COUNTED = 10_000
# In the planner's units: what is dearer is estimated. About 10 ms on a small machine.
DEAR = 6_000.0
# A segment is estimated by people from places all over: 400 of them, up to four at each.
PLACES, AT_EACH = 400, 4
# Fewer hits than that say less than the planner does.
HITS = 20


@dataclass(frozen=True, slots=True)
class Count:
    """How many people match; an estimate if counting is too expensive."""

    number: int
    exact: bool


def count(session: Session, search: SubscriberQuery) -> Count:
    """Count the people a search matches; above ten thousand, or if expensive, by the planner's
    estimate.
    """
    asked = everything(search)
    with planned_anew(session):
        if not search.words and len(asked) < 2:
            return _counted(session, predicate(search))
        # Of words, and of several things together, the planner knows little.
        led = rarest_first(session, asked)
        if led.is_many:
            return Count(led.fitting, exact=False)
        return _counted(session, led.predicate)


def count_all(session: Session, condition: Predicate) -> Count:
    """Count the people a segment's condition matches.

    The planner's estimates of conditions without statistics are worth little, so an expensive count
    is replaced by a sample.
    """
    with planned_anew(session):
        estimate = _counted(session, condition)
        if estimate.exact:
            return estimate
        looked, hits = session.execute(sa.text(_sample(condition)), dict(condition.binds)).one()
        if hits < HITS:
            return estimate
        people = plan(session, "SELECT FROM subscribers", {})["Plan Rows"]
        return Count(round(people * hits / looked), exact=False)


def _counted(session: Session, condition: Predicate) -> Count:
    people = f"SELECT FROM subscribers s WHERE {condition.sql}"
    foreseen = plan(session, people, condition.binds)
    rows = int(foreseen["Plan Rows"])
    if foreseen["Total Cost"] > DEAR:
        return Count(rows, exact=False)
    # Planned for all of them, and left when they are more than the planner had thought.
    some = (
        f"WITH found AS MATERIALIZED ({people})"
        f" SELECT count(*) FROM (SELECT FROM found LIMIT {COUNTED + 1}) n"
    )
    number = int(session.execute(sa.text(some), dict(condition.binds)).scalar_one())
    return Count(number, exact=True) if number <= COUNTED else Count(max(number, rows), exact=False)


def _sample(condition: Predicate) -> str:
    """Return SQL for how many people were sampled, and how many of them match."""
    return (
        f"WITH picked AS MATERIALIZED ({some_people(PLACES, AT_EACH)})"
        f" SELECT count(*), count(*) FILTER (WHERE {condition.sql}) FROM picked s"
    )
