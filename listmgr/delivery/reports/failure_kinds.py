"""The kinds of failures of a campaign, found by skipping through their index."""

from __future__ import annotations

from listmgr.delivery.models import partition_name


def failure_kinds_cte(campaign_id: int, begin: str = "IS NOT NULL") -> str:
    """Return WITH RECURSIVE `every`: one row for each `trouble` from the first that is `begin` on,
    then a NULL.

    No row between two kinds is read, however many there are.
    """
    table = partition_name(campaign_id)
    kind = f"SELECT d.trouble FROM {table} d WHERE d.trouble {{}} ORDER BY 1 LIMIT 1"
    return (
        f"WITH RECURSIVE every AS (({kind.format(begin)}) UNION ALL"
        f" SELECT ({kind.format('> k.trouble')}) FROM every k WHERE k.trouble IS NOT NULL)"
    )
