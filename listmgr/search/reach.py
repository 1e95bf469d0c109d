"""How many people a purpose reaches now: counted if few, sampled if many."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent import consent_statistics
from listmgr.consent.gate import (
    FROM_CONSENTS,
    HOLD_REASON,
    JOINS,
    MAILABLE,
    gate_binds,
)
from listmgr.kit.sql_condition import (
    EVERYBODY,
    Predicate,
)
from listmgr.search.query_planner import (
    plan,
    some_of,
)

# So many confirmed consents are gone through one by one.
COUNTED = 3_000
# A larger purpose is looked at in places all over it: 500 of them, up to four people at each.
PLACES, AT_EACH = 500, 4
# Below so many hits a sample tells too little, and everybody is gone through if that is no dearer
# than this (in the planner's units, about 20 ms on a small machine).
HITS, DEAR = 40, 15_000.0
# Somebody who may be mailed is most likely among those who came last.
NEWEST = 500
_CONFIRMED = "purpose_id = :purpose AND status = 'confirmed'"
_ALL = f"SELECT * FROM consents WHERE {_CONFIRMED}"
_SOME = some_of("consents", "subscriber_id", PLACES, AT_EACH, where=_CONFIRMED)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many may be mailed now, and how many confirmed consents are held back, by reason."""

    number: int
    exact: bool
    refused: dict[str, int]


def reach(
    session: Session,
    settings: Settings,
    purpose_id: int,
    among: Predicate = EVERYBODY,
    *,
    counted: int = COUNTED,
) -> Reach:
    """Count who of the people with a confirmed consent to a purpose matches the predicate.

    Exact up to `counted` confirmed consents, which are then examined one by one.
    """
    confirmed = consent_statistics.purposes_confirmed(session).get(purpose_id, 0)
    binds = {"purpose": purpose_id, **gate_binds(settings), **among.binds}
    if confirmed <= counted:
        _seen, by_reason = _looked_at(session, _ALL, among, binds)
        return _reach_of(by_reason, exact=True)
    seen, by_reason = _looked_at(session, _SOME, among, binds)
    groups = _groups(among)
    if by_reason.get(None, 0) < HITS and plan(session, groups, binds)["Total Cost"] <= DEAR:
        rows = session.execute(sa.text(groups), binds)
        return _reach_of({reason: int(n) for reason, n in rows}, exact=True)
    # The sample is of those confirmed; what it tells is told of all of them.
    whole = {reason: round(confirmed * n / max(1, seen)) for reason, n in by_reason.items()}
    return _reach_of(whole, exact=False)


def _reach_of(by_reason: dict[str | None, int], *, exact: bool) -> Reach:
    return Reach(by_reason.pop(None, 0), exact, {str(why): n for why, n in by_reason.items()})


def is_anybody_reached(
    session: Session, settings: Settings, purpose_id: int, among: Predicate = EVERYBODY
) -> bool:
    """Whether at least one person may be mailed now."""
    binds = {"purpose": purpose_id, **gate_binds(settings), **among.binds}
    newest = (
        f"WITH picked AS MATERIALIZED ({_ALL} ORDER BY subscriber_id DESC LIMIT {NEWEST})"
        f" SELECT EXISTS (SELECT FROM picked c{JOINS} WHERE ({among.sql}) AND {MAILABLE})"
    )
    if session.scalar(sa.text(newest), binds):
        return True
    sampled = reach(session, settings, purpose_id, among)
    if sampled.number or sampled.exact:
        return sampled.number > 0
    # So few that a sample shows nobody, and no index that leads to them.
    statement = (
        f"SELECT EXISTS (SELECT FROM {FROM_CONSENTS} WHERE c.purpose_id = :purpose"
        f" AND c.status = 'confirmed' AND ({among.sql}) AND {HOLD_REASON} IS NULL)"
    )
    return bool(session.scalar(sa.text(statement), binds))


def _groups(among: Predicate) -> str:
    return (
        f"SELECT {HOLD_REASON} AS reason, count(*) FROM {FROM_CONSENTS}"
        f" WHERE c.purpose_id = :purpose AND c.status = 'confirmed' AND ({among.sql}) GROUP BY 1"
    )


def _looked_at(
    session: Session, picked: str, among: Predicate, binds: dict[str, object]
) -> tuple[int, dict[str | None, int]]:
    """Return how many consents were sampled, and the matching ones by the reason that holds them
    back.
    """
    rows = session.execute(
        sa.text(
            f"WITH picked AS MATERIALIZED ({picked})"
            f" SELECT ({among.sql}) IS TRUE AS fits, {HOLD_REASON} AS reason, count(*)"
            f" FROM picked c{JOINS} GROUP BY 1, 2"
        ),
        binds,
    ).all()
    seen = sum(int(n) for _fits, _reason, n in rows)
    return seen, {reason: int(n) for fits, reason, n in rows if fits}
