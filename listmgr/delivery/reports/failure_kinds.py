"""The kinds of failures of a campaign, found by skipping through their index."""

from __future__ import annotations

from listmgr.delivery.models import DeliveryStatus, partition_name

_KIND = "d.failure, d.failure_code, d.failure_scope"
# Deliveries `d` of the kind `k`.
OF_KIND = f"({_KIND}) = (k.failure, k.failure_code, k.failure_scope)"


def failure_kinds_cte(campaign_id: int, status: DeliveryStatus | None = None) -> str:
    """Return WITH RECURSIVE `every`: one row for each kind of failure, of one status or of all.

    No row between two kinds is read, however many there are.
    """
    which = "d.failure IS NOT NULL" if status is None else f"d.failure = '{status}'"
    begin = f"SELECT {_KIND} FROM {partition_name(campaign_id)} d WHERE {which}"
    order = f"ORDER BY {_KIND} LIMIT 1"
    later = f"({_KIND}) > (k.failure, k.failure_code, k.failure_scope)"
    return (
        f"WITH RECURSIVE every AS (({begin} {order}) UNION ALL"
        f" SELECT n.* FROM every k CROSS JOIN LATERAL ({begin} AND {later} {order}) n)"
    )
