"""How many people a purpose reaches now: counted where they are few, by a sample where many."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent import overview
from listmgr.consent.gate import FROM_CONSENTS, REFUSED_BECAUSE, gate_binds
from listmgr.kit.predicate import EVERYBODY, Predicate

# So many confirmed consents are gone through one by one.
COUNTED = 20_000
# A larger purpose is looked at in places all over it: 400 of them, ten people at each.
PLACES, AT_EACH = 400, 10
# Below so many hits a sample tells too little, and everybody is gone through if that is no dearer
# than this (in the planner's units, about 0.3 s on a small machine).
HITS, DEAR = 40, 200_000.0


@dataclass(frozen=True, slots=True)
class Reach:
    """How many may be mailed now, and how many confirmed consents are held back, by reason."""

    number: int
    exact: bool
    refused: dict[str, int]


def reach(
    session: Session, settings: Settings, purpose_id: int, among: Predicate = EVERYBODY
) -> Reach:
    """Of those with a confirmed consent to a purpose whom the predicate takes."""
    confirmed = overview.purposes_confirmed(session).get(purpose_id, 0)
    binds = {"purpose": purpose_id, **gate_binds(settings), **among.binds}
    if confirmed <= COUNTED:
        return _counted(session, among, binds)
    seen, found = _sample(session, among, binds)
    if found.get(None, 0) < HITS and _is_cheap(session, among, binds):
        return _counted(session, among, binds)
    # The sample is of those confirmed; what it tells is told of all of them.
    told = {reason: round(confirmed * n / max(1, seen)) for reason, n in found.items()}
    return Reach(told.pop(None, 0), exact=False, refused={str(why): n for why, n in told.items()})


def is_anybody_reached(
    session: Session, settings: Settings, purpose_id: int, among: Predicate = EVERYBODY
) -> bool:
    """Whether at least one person may be mailed now."""
    statement = (
        f"SELECT EXISTS (SELECT FROM {FROM_CONSENTS} WHERE c.purpose_id = :purpose"
        f" AND c.status = 'confirmed' AND ({among.sql}) AND {REFUSED_BECAUSE} IS NULL)"
    )
    binds = {"purpose": purpose_id, **gate_binds(settings), **among.binds}
    return bool(session.scalar(sa.text(statement), binds))


def _groups(among: Predicate) -> str:
    return (
        f"SELECT {REFUSED_BECAUSE} AS reason, count(*) FROM {FROM_CONSENTS}"
        f" WHERE c.purpose_id = :purpose AND c.status = 'confirmed' AND ({among.sql}) GROUP BY 1"
    )


def _counted(session: Session, among: Predicate, binds: dict[str, object]) -> Reach:
    found = {reason: int(n) for reason, n in session.execute(sa.text(_groups(among)), binds)}
    return Reach(found.pop(None, 0), exact=True, refused={str(k): n for k, n in found.items()})


def _is_cheap(session: Session, among: Predicate, binds: dict[str, object]) -> bool:
    told = session.execute(sa.text(f"EXPLAIN (FORMAT JSON) {_groups(among)}"), binds)
    [plan] = told.scalar_one()
    return float(plan["Plan"]["Total Cost"]) <= DEAR


def _sample(
    session: Session, among: Predicate, binds: dict[str, object]
) -> tuple[int, dict[str | None, int]]:
    """How many were looked at; of those the predicate takes, how many by what holds them back."""
    rows = session.execute(
        sa.text(
            "WITH ends AS MATERIALIZED (SELECT min(subscriber_id) AS lo, max(subscriber_id) AS hi"
            "  FROM consents WHERE purpose_id = :purpose AND status = 'confirmed'),"
            " picked AS MATERIALIZED (SELECT DISTINCT p.id FROM ends,"
            "  generate_series(0, :places - 1) AS n (at), LATERAL"
            "  (SELECT c.id FROM consents c WHERE c.purpose_id = :purpose"
            "   AND c.status = 'confirmed' AND c.subscriber_id >= lo + (hi - lo) * at / :places"
            "   ORDER BY c.subscriber_id LIMIT :at_each) p)"
            " SELECT fits, reason, count(*) FROM"
            f"  (SELECT ({among.sql}) IS TRUE AS fits, {REFUSED_BECAUSE} AS reason"
            f"   FROM picked JOIN ({FROM_CONSENTS}) ON c.id = picked.id) looked GROUP BY 1, 2"
        ),
        binds | {"places": PLACES, "at_each": AT_EACH},
    ).all()
    seen = sum(int(n) for _fits, _reason, n in rows)
    return seen, {reason: int(n) for fits, reason, n in rows if fits}
