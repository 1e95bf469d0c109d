"""A full dump of every table and of Valkey as one text, to look for a person in."""

from __future__ import annotations

import redis
import sqlalchemy as sa


def everything(engine: sa.Engine, redis_url: str) -> str:
    """All rows of all tables, octets as text too, and all keys of Valkey with their values."""
    told: list[str] = []
    with engine.connect() as connection:
        names = connection.scalars(
            sa.text(
                "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND relnamespace = 'public'::regnamespace"
            )
        ).all()
        for name in names:
            rows = connection.execute(sa.text(f"SELECT * FROM {name}")).all()
            told += [f"{name}: " + " | ".join(_text(value) for value in row) for row in rows]
    valkey = redis.Redis.from_url(redis_url)
    for key in valkey.scan_iter():
        told.append(f"{_text(key)} {_text(valkey.dump(key))}")
    return "\n".join(told)


def _text(value: object) -> str:
    if isinstance(value, memoryview):
        value = bytes(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
