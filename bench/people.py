"""As many people as a benchmark asks for, of all sorts, past triggers and with the indexes after.

Not a benchmark itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.factories import (
    UnitOfWork,
    make_list,
)

# Beside the one the place has made.
LISTS = 4
_CITIES = "ARRAY['Köln','Kiel','Ulm','Berlin','Hamburg','Wien','Bern','Graz','Jena','Bonn']"
_NAMES = (
    "ARRAY['müller','schmidt','weber','fischer','wagner','becker','koch','wolf','braun','lang']"
)
_PEOPLE = f"""
INSERT INTO subscribers (address, envelope, address_key, domain, fingerprint, language, first_name,
  last_name, company, attributes, tags, created_at)
SELECT a, a, a, split_part(a, '@', 2), sha256(convert_to(a, 'UTF8')),
  CASE WHEN n % 5 = 0 THEN 'en' ELSE 'de' END, 'Vorname' || n % 3000,
  initcap(({_NAMES})[1 + n % 10]) || CASE WHEN n % 3 = 0 THEN '-' || n % 500 ELSE '' END,
  CASE WHEN n % 4 = 0 THEN 'Firma ' || n % 20000 || ' GmbH' ELSE '' END,
  jsonb_build_object('city', ({_CITIES})[1 + n % 10], 'number', (n % 100000)::text),
  CASE WHEN n % 1000 = 0 THEN '{{vip,messe}}'::text[] WHEN n % 7 = 0 THEN '{{messe}}'
    ELSE '{{}}' END,
  now() - make_interval(mins => ((:n - n) * 2000000.0 / :n)::int)
FROM (SELECT n, translate(({_NAMES})[1 + n % 10], 'ü', 'u') || '.'
  || to_hex(n * 7919::bigint % 999983) || n || '@'
  || CASE n % 10 WHEN 0 THEN 'gmail.com' WHEN 1 THEN 'gmail.com' WHEN 2 THEN 'web.de'
    WHEN 3 THEN 'gmx.de' WHEN 4 THEN 't-online.de' ELSE 'firma' || n % 30000 || '.example' END AS a
  FROM generate_series(CAST(:first AS int), CAST(:n AS int)) n) x
"""
_CONSENTS = """
INSERT INTO consents (subscriber_id, list_id, purpose_id, status, version, notice_id,
  notice_version, language, source, captured_at, asked_at, confirmed_at, ended_at)
SELECT s.id, p.list_id, p.id, st, 2, n.id, n.version, 'de',
  CASE WHEN s.id % 2000 = 0 THEN 'card' WHEN s.id % 3 = 0 THEN 'import' ELSE 'form' END,
  s.created_at, s.created_at, CASE WHEN st IN ('confirmed', 'withdrawn') THEN s.created_at END,
  CASE WHEN st = 'withdrawn' THEN s.created_at + interval '1 hour' END
FROM subscribers s, notices n JOIN purposes p ON p.id = n.purpose_id, LATERAL (SELECT CASE
  WHEN s.id % 20 < 17 THEN 'confirmed' WHEN s.id % 20 = 17 THEN 'pending'
  WHEN s.id % 20 = 18 THEN 'withdrawn' ELSE 'captured' END AS st) x
WHERE s.id >= :first AND (p.list_id = 1 OR s.id % (20 * p.list_id) = 0)
ORDER BY s.id
"""
# Their hashes chain nothing: pages show events and never prove them.
_EVENTS = """
INSERT INTO consent_events
  (consent_id, seq, action, status, at, actor, facts, commitment, previous, hash)
SELECT c.id, e.seq, e.action, e.status, c.captured_at, 'subscriber', '{}', c_0, c_0, c_0
FROM consents c, decode(repeat('00', 32), 'hex') c_0, LATERAL (VALUES
  (1, 'capture', 'captured'), (2, CASE c.status WHEN 'confirmed' THEN 'confirm'
    WHEN 'withdrawn' THEN 'withdraw' ELSE 'request' END, c.status)) e (seq, action, status)
ORDER BY c.id, e.seq
"""


def make_people(
    engine: sa.Engine,
    tx_of: UnitOfWork,
    number: int,
    *,
    first: int = 1,
    lists: int = LISTS,
    events: bool = True,
) -> None:
    """People up to a number on one large list and some smaller ones, known over four years."""
    for at in range(lists):
        with tx_of() as tx:
            make_list(tx, f"list{at}")
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        with indexed_after(connection, "subscribers"):
            connection.execute(sa.text(_PEOPLE), {"n": number, "first": first})
        with indexed_after(connection, "consents"):
            connection.execute(sa.text(_CONSENTS), {"first": first})
        if events:
            with indexed_after(connection, "consent_events"):
                connection.execute(sa.text(_EVENTS))
        connection.execute(sa.text("SELECT count_consents_anew()"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
        connection.execute(sa.text("CHECKPOINT"))


@contextmanager
def indexed_after(connection: sa.Connection, table: str) -> Iterator[None]:
    """Every index but the primary key is built when the rows are there: by sorting, once."""
    unique = connection.execute(
        sa.text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = CAST(:table AS regclass) AND contype = 'u'"
        ),
        {"table": table},
    ).all()
    for name, _definition in unique:
        connection.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    others = connection.execute(
        sa.text(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = CAST(:table AS regclass) AND NOT indisprimary"
        ),
        {"table": table},
    ).all()
    for name, _definition in others:
        connection.execute(sa.text(f"DROP INDEX {name}"))
    yield
    connection.execute(sa.text("SET LOCAL maintenance_work_mem = '1GB'"))
    for _name, definition in others:
        connection.execute(sa.text(definition))
    for name, definition in unique:
        connection.execute(sa.text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
