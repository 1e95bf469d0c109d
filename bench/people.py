"""As many people as a benchmark asks for, of all sorts, past triggers and with the indexes after.

Not a benchmark itself.
"""

from __future__ import annotations

import sqlalchemy as sa

from tests.people import make_list

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
  FROM generate_series(1, :n) n) x
"""
_CONSENTS = """
INSERT INTO consents (subscriber_id, list_id, purpose_id, status, version, notice_id,
  notice_version, language, source, captured_at, asked_at, confirmed_at, ended_at)
SELECT s.id, p.list_id, p.id, st, 3, n.id, n.version, 'de',
  CASE WHEN s.id % 2000 = 0 THEN 'card' WHEN s.id % 3 = 0 THEN 'import' ELSE 'form' END,
  s.created_at, s.created_at, CASE WHEN st IN ('confirmed', 'withdrawn') THEN s.created_at END,
  CASE WHEN st = 'withdrawn' THEN s.created_at + interval '1 hour' END
FROM subscribers s, notices n JOIN purposes p ON p.id = n.purpose_id, LATERAL (SELECT CASE
  WHEN s.id % 20 < 17 THEN 'confirmed' WHEN s.id % 20 = 17 THEN 'pending'
  WHEN s.id % 20 = 18 THEN 'withdrawn' ELSE 'captured' END AS st) x
WHERE p.list_id = 1 OR s.id % (20 * p.list_id) = 0
"""
# What is asked of an index is not asked of it while it is filled.
_LATER = ("ix_subscribers_parts", "ix_subscribers_attributes", "ix_subscribers_tags")


def make_people(engine: sa.Engine, tx_of: object, number: int) -> None:
    """So many people on one large list and four smaller ones, known over four years."""
    for at in range(LISTS):
        with tx_of() as tx:  # type: ignore[operator]
            make_list(tx, f"list{at}")
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("SET LOCAL maintenance_work_mem = '512MB'"))
        told = {
            name: connection.scalar(sa.text(f"SELECT pg_get_indexdef('{name}'::regclass)"))
            for name in _LATER
        }
        for name in told:
            connection.execute(sa.text(f"DROP INDEX {name}"))
        connection.execute(sa.text(_PEOPLE), {"n": number})
        connection.execute(sa.text(_CONSENTS))
        for definition in told.values():
            connection.execute(sa.text(str(definition)))
        connection.execute(sa.text("SELECT count_consents_anew()"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
        connection.execute(sa.text("CHECKPOINT"))
