"""Ask PostgreSQL's planner about a search's cost and its rarest condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.sql_condition import (
    Predicate,
    all_of,
)
from listmgr.search.conditions import Condition

# How many people are looked at to see what is rare, and from how many on it is not.
PLACES, AT_EACH = 200, 4
MANY = 10_000


@contextmanager
def planned_anew(session: Session) -> Iterator[None]:
    """Plan each statement for its values, since a generic plan does not know which are rare.

    Afterwards plans are cached again, as the rest of a page does not depend on values.
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
    """Return the planner's estimates for a query, which costs nothing."""
    result = session.execute(sa.text(f"EXPLAIN (FORMAT JSON) {sql}"), dict(binds))
    [whole] = result.scalar_one()
    figures: dict[str, float] = whole["Plan"]
    return figures


def some_people(places: int, at_each: int) -> str:
    """Return SQL for people sampled from positions across the table."""
    return some_of("subscribers", "id", places, at_each)


def some_of(table: str, key: str, places: int, at_each: int, *, where: str = "true") -> str:
    """Return SQL for some rows at positions across a range of an indexed number.

    Each position starts at a random point in the first half of its part, so that regular patterns
    in the numbers are neither always nor never sampled.
    """
    start, end = (f"lo + (hi - lo + 1) * {at} / {places}" for at in ("at", "(at + 1)"))
    start += f" + abs(hashint4(at)::bigint) % greatest(1, (hi - lo + 1) / {2 * places})"
    return (
        f"SELECT p.* FROM (SELECT min({key}) AS lo, max({key}) AS hi FROM {table}"
        f"  WHERE {where}) ends,"
        f" generate_series(0, {places - 1}) AS n (at), LATERAL (SELECT * FROM {table}"
        f"  WHERE {where} AND {key} >= {start} AND {key} < {end} ORDER BY {key} LIMIT {at_each}) p"
    )


@dataclass(frozen=True, slots=True)
class OrderedConditions:
    """Ordered conditions: the first finds people by its index, the others test them.

    The first finds about `rows` people, of whom about `fitting` match all conditions.
    """

    first: Condition
    others: tuple[Condition, ...]
    rows: int
    fitting: int

    @property
    def is_many(self) -> bool:
        """Whether even the rarest condition finds too many people to test each."""
        return self.rows >= MANY

    @property
    def predicate(self) -> Predicate:
        """All conditions, over `s`."""
        first = Predicate(self.first.find, self.first.binds)
        return all_of(
            [first, *(Predicate(condition.test, condition.binds) for condition in self.others)]
        )


def rarest_first(session: Session, asked: Sequence[Condition]) -> OrderedConditions:
    """Order conditions by rarity in a sample, then by the planner's estimates.

    A page needs this for its rows and for their number: the second time the result is cached.
    """
    cache: dict[str, OrderedConditions] = session.info.setdefault("led", {})
    key = repr(asked)
    if key not in cache:
        cache[key] = _rarest_first(session, asked)
    return cache[key]


def _rarest_first(session: Session, asked: Sequence[Condition]) -> OrderedConditions:
    tests = [condition.test for condition in asked]
    filters = ", ".join(
        f"count(*) FILTER (WHERE {test})"
        for test in [*tests, " AND ".join(f"({t})" for t in tests)]
    )
    binds = {name: value for condition in asked for name, value in condition.binds.items()}
    statement = (
        f"WITH picked AS MATERIALIZED ({some_people(PLACES, AT_EACH)})"
        f" SELECT count(*), {filters} FROM picked s"
    )
    looked, *hits, all_hits = session.execute(sa.text(statement), binds).one()
    people = "SELECT FROM subscribers s WHERE "
    least = min(
        range(len(asked)),
        key=lambda n: (hits[n], plan(session, people + asked[n].find, asked[n].binds)["Plan Rows"]),
    )
    others = tuple(condition for n, condition in enumerate(asked) if n != least)
    everybody = plan(session, "SELECT FROM subscribers", {})["Plan Rows"]
    share = everybody / max(1, looked)
    return OrderedConditions(
        asked[least], others, round(share * hits[least]), round(share * all_hits)
    )
