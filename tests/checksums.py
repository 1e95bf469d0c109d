"""A checksum of every table there is: what is the same afterwards has not been written."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

_TABLES = sa.text(
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
    " AND relnamespace = 'public'::regnamespace AND NOT relispartition"
)


def checksums(
    engine: sa.Engine,
    *,
    but: Collection[str] = (),
    without: Mapping[str, str] | None = None,
) -> dict[str, str | None]:
    """By table, None for an empty one; `but` some tables, and `without` a column of others."""
    with engine.connect() as connection:
        return {
            table: connection.scalar(_sum(table, (without or {}).get(table, "")))
            for table in connection.scalars(_TABLES).all()
            if table not in but
        }


def _sum(table: str, left_out: str) -> sa.TextClause:
    row = f"(to_jsonb(t) - '{left_out}')::text" if left_out else "t::text"
    return sa.text(f"SELECT md5(string_agg({row}, '|' ORDER BY {row})) FROM \"{table}\" t")
