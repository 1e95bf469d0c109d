"""The single SQL predicate for who may be mailed now; counts, sender and API all use it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from listmgr.config import Settings

# Aliases: c consents, s subscribers, p purposes, l mailing_lists. Bind `ageing_months`.
# Each line is a reason of its own, so that "who was not mailed and why" tells the same truth.
REASONS: dict[str, str] = {
    "not_confirmed": "c.status = 'confirmed'",
    "aged_out": (
        "coalesce(c.last_used_at, c.confirmed_at) > now() - make_interval(months => :ageing_months)"
    ),
    "notice_superseded": "c.notice_version >= p.least_notice_version",
    "restricted": "s.restricted_at IS NULL",
    "suppressed": (
        "NOT EXISTS (SELECT FROM suppressions x"
        " WHERE x.fingerprint = s.fingerprint AND x.lifted_at IS NULL)"
    ),
    "list_archived": "l.archived_at IS NULL",
}

MAILABLE = "\n  AND ".join(REASONS.values())

# The first reason that holds a consent back, NULL when none does: the same predicate, told apart.
HOLD_REASON = "CASE {} END".format(
    " ".join(f"WHEN ({rule}) IS NOT TRUE THEN '{reason}'" for reason, rule in REASONS.items())
)

# The join every user of the gate selects from; the consents' own index leads.
JOINS = (
    " JOIN subscribers s ON s.id = c.subscriber_id"
    " JOIN purposes p ON p.id = c.purpose_id JOIN mailing_lists l ON l.id = c.list_id"
)
FROM_CONSENTS = f"consents c{JOINS}"
# The same where all consents are to the one purpose `:purpose`: it and its list are looked up once,
# by the first two of a WITH.
ONE_PURPOSE_CTE = (
    "p AS MATERIALIZED (SELECT * FROM purposes WHERE id = :purpose),"
    " l AS MATERIALIZED (SELECT * FROM mailing_lists WHERE id = (SELECT list_id FROM p))"
)
ONE_PURPOSE_JOINS = " JOIN subscribers s ON s.id = c.subscriber_id CROSS JOIN p CROSS JOIN l"


def gate_binds(settings: Settings) -> dict[str, int]:
    """Return the bind values of the predicate."""
    return {"ageing_months": settings.ageing_months}


def count_mailable(session: Session, settings: Settings, purpose_id: int) -> int:
    """Count the people who may be mailed for a purpose now."""
    statement = text(
        f"SELECT count(*) FROM {FROM_CONSENTS} WHERE c.purpose_id = :purpose AND {MAILABLE}"
    )
    result = session.execute(statement, {"purpose": purpose_id, **gate_binds(settings)})
    return int(result.scalar_one())


def count_refused(session: Session, settings: Settings, purpose_id: int) -> dict[str, int]:
    """Count the consents to a purpose that may not be mailed now, by the first reason."""
    statement = text(
        f"SELECT {HOLD_REASON} AS reason, count(*) FROM {FROM_CONSENTS}"
        " WHERE c.purpose_id = :purpose GROUP BY 1"
    )
    rows = session.execute(statement, {"purpose": purpose_id, **gate_binds(settings)})
    return {str(reason): int(count) for reason, count in rows if reason is not None}
