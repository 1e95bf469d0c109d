"""Delete field values whose retention has ended (decision 0010)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from listmgr.consent.lifecycle import OPEN
from listmgr.kit.transaction import Transaction

STEP = 5000
_OPEN = ", ".join(f"'{status.value}'" for status in sorted(OPEN))

_LAST = sa.text(
    "SELECT max(id) FROM (SELECT id FROM subscribers WHERE id > :after ORDER BY id LIMIT :step) s"
)
# Archived fields too: what is collected no more is the first that should go.
_CLEAR = sa.text(
    "WITH quiet AS MATERIALIZED (SELECT s.id, s.attributes, greatest(s.created_at,"
    "   (SELECT max(c.ended_at) FROM consents c WHERE c.subscriber_id = s.id)) AS since"
    "  FROM subscribers s WHERE s.id > :after AND s.id <= :last AND s.attributes <> '{}'"
    "   AND s.restricted_at IS NULL AND NOT EXISTS (SELECT FROM consents c"
    f"    WHERE c.subscriber_id = s.id AND c.status IN ({_OPEN}))),"
    " rules AS (SELECT key, make_interval(months => CAST(retention_months AS int)) AS months"
    "  FROM fields),"
    " due AS (SELECT q.id, array_agg(f.key) AS keys FROM quiet q JOIN rules f"
    "   ON q.attributes ? f.key AND q.since + f.months <= :at"
    "  GROUP BY q.id)"
    " UPDATE subscribers s SET attributes = s.attributes - due.keys FROM due WHERE s.id = due.id"
)


def clear_outdated(tx: Transaction, *, after: int, at: datetime, step: int = STEP) -> int | None:
    """Check the next people after an id; return where to continue, or None at the end."""
    last: int | None = tx.session.scalar(_LAST, {"after": after, "step": step})
    if last is not None:
        tx.session.execute(_CLEAR, {"after": after, "last": last, "at": at})
    return last
