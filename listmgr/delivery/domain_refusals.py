"""Since when whole domains have refused a campaign, stored in the database: nothing is retried for
ever.

Valkey knows which domains are in back-off and may forget it; how long that has lasted must outlive
it. The database's clock measures all ages.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.transaction import Transaction


def refusing_domains(session: Session, campaign_id: int, give_up_days: float) -> dict[str, bool]:
    """Return the domains and providers that refuse a campaign, and whether for too long."""
    rows = session.execute(
        sa.text(
            "SELECT scope, refused_since < now() - make_interval(secs => :seconds) AS is_over"
            " FROM campaign_domains WHERE campaign_id = :campaign"
        ),
        {"campaign": campaign_id, "seconds": give_up_days * 86_400},
    )
    return {row.scope: row.is_over for row in rows}


def record_refusing(
    tx: Transaction, campaign_id: int, refusing: Collection[str], taking: Collection[str]
) -> None:
    """Record new refusing domains and forget those that accept mail again. Safe to run twice."""
    if refusing:
        tx.session.execute(
            sa.text(
                "INSERT INTO campaign_domains (campaign_id, scope, refused_since)"
                " SELECT :campaign, x, now() FROM unnest(CAST(:scopes AS text[])) x ORDER BY x"
                " ON CONFLICT DO NOTHING"
            ),
            {"campaign": campaign_id, "scopes": list(refusing)},
        )
    if taking:
        tx.session.execute(
            sa.text(
                "WITH held AS (SELECT scope FROM campaign_domains WHERE campaign_id = :campaign"
                "  AND scope = ANY(:scopes) ORDER BY scope FOR UPDATE)"
                " DELETE FROM campaign_domains d USING held"
                " WHERE d.campaign_id = :campaign AND d.scope = held.scope"
            ),
            {"campaign": campaign_id, "scopes": list(taking)},
        )


def forget_refusing(tx: Transaction, campaign_id: int) -> None:
    """Reset all domains, since an operator wants their people retried."""
    tx.session.execute(
        sa.text("DELETE FROM campaign_domains WHERE campaign_id = :campaign"),
        {"campaign": campaign_id},
    )
