"""Many people at once, straight into the tables: for scale, where the ledger is no topic."""

from __future__ import annotations

import sqlalchemy as sa

from listmgr.subscribers.address import fingerprint

# The tests' own; not imported, because benchmarks make crowds too.
SUPPRESSION_KEY = b"test-suppression".ljust(40, b".")


def make_crowd(engine: sa.Engine, notice_id: int, confirmed: int, others: int) -> None:
    """People 1…confirmed have confirmed; the others after them wait, or have ended it."""
    with engine.begin() as connection:
        # Only a superuser can set the triggers aside; the product is none.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            sa.text(
                "INSERT INTO subscribers (address, envelope, address_key, domain, fingerprint,"
                " first_name) SELECT a, a, a, 'crowd.example', sha256(convert_to(a, 'UTF8')),"
                " 'Änne' || n % 50 FROM (SELECT n, 'p' || n || '@crowd.example' AS a"
                " FROM generate_series(1, :n) n) x"
            ),
            {"n": confirmed + others},
        )
        connection.execute(
            sa.text(
                "INSERT INTO consents (subscriber_id, list_id, purpose_id, status, version,"
                " notice_id, notice_version, language, source, captured_at, confirmed_at, ended_at)"
                " SELECT s.id, p.list_id, p.id, st, 3, n.id, n.version, 'de', 'form', now(),"
                " CASE WHEN st <> 'pending' THEN now() END,"
                " CASE WHEN st = 'withdrawn' THEN now() END"
                " FROM subscribers s, notices n JOIN purposes p ON p.id = n.purpose_id,"
                " LATERAL (SELECT CASE WHEN s.id <= :confirmed THEN 'confirmed'"
                "  WHEN s.id % 2 = 0 THEN 'pending' ELSE 'withdrawn' END AS st) x"
                " WHERE n.id = :notice"
            ),
            {"confirmed": confirmed, "notice": notice_id},
        )
        # By the first of all a process knows that it was told the installation's keys.
        connection.execute(
            sa.text("UPDATE subscribers SET fingerprint = :told WHERE address_key = :first"),
            {
                "first": "p1@crowd.example",
                "told": fingerprint(SUPPRESSION_KEY, "p1@crowd.example"),
            },
        )
        # What the triggers would have counted.
        connection.execute(sa.text("SELECT count_consents_anew()"))
