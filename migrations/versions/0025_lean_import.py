"""One search index instead of nine, and references to the ledger checked by the statement: a row costs half."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_HASH = """sha256(convert_to(concat_ws(E'\\n', 'v1', n.consent_id, n.seq, n.action, n.status,
    to_char(n.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), n.actor, n.facts,
    encode(n.commitment, 'hex'), encode(n.previous, 'hex')), 'UTF8'))"""

SEARCH_TERMS = """
CREATE FUNCTION search_terms(first_name text, last_name text, company text, domain text,
  language text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_remove(
    string_to_array('@' || replace(replace(domain, '-', '.'), '.', '.@'), '.')
    || ARRAY[left(lower(first_name), 100), left(lower(last_name), 100),
      left(lower(company), 100), '=' || language], ''))
$$"""

# With `{gone}` what the foreign key of events said before; without, as 0016 made it.
_CHAIN = """
CREATE OR REPLACE FUNCTION consent_events_chain_all() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE broken record;
BEGIN
{gone}  SELECT n.consent_id, n.seq INTO broken FROM new_rows n
  WHERE n.hash <> {hash}
    OR CASE WHEN n.seq = 1 THEN n.previous <> decode(repeat('00', 32), 'hex')
       ELSE NOT EXISTS (SELECT FROM consent_events b WHERE b.consent_id = n.consent_id
         AND b.seq = n.seq - 1 AND b.hash = n.previous) END
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger event % of consent % breaks the chain', broken.seq, broken.consent_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$"""
_GONE = """  SELECT n.consent_id INTO broken FROM new_rows n
  WHERE NOT EXISTS (SELECT FROM consents c WHERE c.id = n.consent_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'there is no consent %', broken.consent_id
      USING ERRCODE = 'foreign_key_violation';
  END IF;
"""
_ADDED = """
CREATE OR REPLACE FUNCTION consents_added() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong bigint;
BEGIN
{known}  INSERT INTO consent_moves (list_id, purpose_id, notice_version, came_from, went_to, week, n)
  SELECT list_id, purpose_id, notice_version, '', status,
    date_trunc('week', captured_at AT TIME ZONE 'UTC')::date, count(*)
  FROM added GROUP BY 1, 2, 3, 5, 6;
  RETURN NULL;
END $$"""
# What a foreign key does, row by row, at a fifth of its price: what is referred to is held, then
# looked for. Notices are few and looked at once for all rows of a statement.
_KNOWN = """  IF current_setting('listmgr.bulk', true) IS DISTINCT FROM 'on' THEN
    -- A bulk has made or locked its people before.
    PERFORM FROM subscribers s
    WHERE s.id IN (SELECT a.subscriber_id FROM added a) ORDER BY s.id FOR KEY SHARE;
  END IF;
  SELECT a.subscriber_id INTO wrong FROM added a WHERE a.subscriber_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM subscribers s WHERE s.id = a.subscriber_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'there is no subscriber %', wrong USING ERRCODE = 'foreign_key_violation';
  END IF;
  PERFORM FROM notices n JOIN purposes p ON p.id = n.purpose_id
  WHERE n.id IN (SELECT a.notice_id FROM added a) FOR KEY SHARE;
  SELECT a.notice_id INTO wrong
  FROM (SELECT DISTINCT list_id, purpose_id, notice_id, notice_version FROM added) a
  WHERE NOT EXISTS (SELECT FROM notices n JOIN purposes p ON p.id = n.purpose_id
    WHERE n.id = a.notice_id AND n.version = a.notice_version
      AND p.id = a.purpose_id AND p.list_id = a.list_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'notice % does not hold the words of this purpose and list', wrong
      USING ERRCODE = 'foreign_key_violation';
  END IF;
"""
# A function, the table it guards, what refers to its row, and why that row then stays.
_GUARDS = (
    ("notices_agreed_to", "notices", "consents x WHERE x.notice_id", "somebody has agreed to it"),
    ("subscribers_agreed", "subscribers", "consents x WHERE x.subscriber_id", "a consent is kept"),
    ("consents_told", "consents", "consent_events x WHERE x.consent_id", "the ledger tells of it"),
)
_GUARD = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM {referring} = OLD.id) THEN
    RAISE EXCEPTION '% % is not deleted: {why}', TG_TABLE_NAME, OLD.id
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN OLD;
END $$"""
# Whoever writes many rows plans for many; each of them is looked up by an index all the same, or
# the look would read the whole ledger for each batch of an import.
_BY_INDEX = {
    "enable_nestloop": "on",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}
_BY_THE_STATEMENT = ("consent_events_chain_all", "consents_in_ledger_all", "consents_added")
_ONE_BY_ONE = "current_setting('listmgr.bulk', true) IS DISTINCT FROM 'on'"
_IN_LEDGER = (
    "CREATE CONSTRAINT TRIGGER {name} AFTER {on} ON consents DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW {when} EXECUTE FUNCTION consents_in_ledger()"
)
_MOVED = "status, version, subscriber_id, list_id, purpose_id, notice_id, captured_at"
NAMES = ("first_name", "last_name", "company")


def upgrade() -> None:
    """Apply."""
    _one_index()
    _references()
    # Noting the month of the last use walks through no station (0012): no trigger has a say.
    op.execute("DROP TRIGGER consents_in_ledger_moved ON consents")
    op.execute("DROP TRIGGER consents_in_ledger ON consents")
    op.execute("DROP TRIGGER consents_walk ON consents")
    op.execute(
        f"CREATE TRIGGER consents_walk BEFORE DELETE OR UPDATE OF {_MOVED} ON consents"
        " FOR EACH ROW EXECUTE FUNCTION consents_walk()"
    )
    for name, on, when in (
        ("consents_in_ledger", "INSERT", f"WHEN ({_ONE_BY_ONE})"),
        ("consents_in_ledger_moved", "UPDATE OF status, version", ""),
    ):
        op.execute(_IN_LEDGER.format(name=name, on=on, when=when))


def _one_index() -> None:
    op.execute(SEARCH_TERMS)
    for name in (*NAMES, "address_prefix", "domain", "fingerprint", "language", "tags"):
        op.drop_index(f"ix_subscribers_{name}", table_name="subscribers")
    for name in ("attributes", "parts"):
        op.drop_index(f"ix_subscribers_{name}", table_name="subscribers")
    op.create_index(
        "ix_subscribers_search",
        "subscribers",
        [
            sa.text("text_parts(left(address_key, - length(domain)))"),
            sa.text("search_terms(first_name, last_name, company, domain, language)"),
            "attributes",
            "tags",
        ],
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": "32768"},
    )
    # By octets: one index serves equality, uniqueness and beginnings under any collation.
    op.drop_constraint("uq_subscribers_address_key", "subscribers")
    op.create_index(
        "uq_subscribers_address_key",
        "subscribers",
        ["address_key"],
        unique=True,
        postgresql_ops={"address_key": "text_pattern_ops"},
    )
    op.drop_index("ix_consents_expires_at", table_name="consents")
    op.create_index(
        "ix_consents_expires_at",
        "consents",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL AND status IN ('captured', 'pending')"),
    )


def _references() -> None:
    for name, table, referring, why in _GUARDS:
        op.execute(_GUARD.format(name=name, referring=referring, why=why))
        op.execute(
            f"CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
    op.execute(_CHAIN.format(gone=_GONE, hash=_HASH))
    op.execute(_ADDED.format(known=_KNOWN))
    for function in _BY_THE_STATEMENT:
        for setting, value in _BY_INDEX.items():
            op.execute(f"ALTER FUNCTION {function}() SET {setting} = {value}")
    op.drop_constraint("fk_consents_notice_id", "consents")
    op.drop_constraint("fk_consents_subscriber_id", "consents")
    op.drop_constraint("fk_consents_purpose_id", "consents")
    op.drop_constraint("fk_consent_events_consent_id", "consent_events")


def downgrade() -> None:
    """Take back."""
    for name in ("consents_walk", "consents_in_ledger", "consents_in_ledger_moved"):
        op.execute(f"DROP TRIGGER {name} ON consents")
    for sql in (
        "CREATE TRIGGER consents_walk BEFORE UPDATE OR DELETE ON consents FOR EACH ROW"
        " EXECUTE FUNCTION consents_walk()",
        _IN_LEDGER.format(
            name="consents_in_ledger",
            on="INSERT OR UPDATE OF status, version",
            when=f"WHEN ({_ONE_BY_ONE})",
        ),
        "CREATE TRIGGER consents_in_ledger_moved AFTER UPDATE ON consents"
        " REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT"
        " EXECUTE FUNCTION consents_in_ledger_all()",
    ):
        op.execute(sql)
    op.create_foreign_key(
        "fk_consent_events_consent_id", "consent_events", "consents", ["consent_id"], ["id"]
    )
    op.create_foreign_key(
        "fk_consents_purpose_id",
        "consents",
        "purposes",
        ["purpose_id", "list_id"],
        ["id", "list_id"],
    )
    for name, table in (("notice_id", "notices"), ("subscriber_id", "subscribers")):
        op.create_foreign_key(f"fk_consents_{name}", "consents", table, [name], ["id"])
    op.execute(_ADDED.format(known=""))
    op.execute(_CHAIN.format(gone="", hash=_HASH))
    for function in _BY_THE_STATEMENT:
        op.execute(f"ALTER FUNCTION {function}() RESET ALL")
    for name, table, *_ in _GUARDS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")
    _nine_indexes()


def _nine_indexes() -> None:
    op.drop_index("ix_consents_expires_at", table_name="consents")
    op.create_index(
        "ix_consents_expires_at",
        "consents",
        ["expires_at"],
        postgresql_where=sa.text("status IN ('captured', 'pending')"),
    )
    op.drop_index("uq_subscribers_address_key", table_name="subscribers")
    op.create_unique_constraint("uq_subscribers_address_key", "subscribers", ["address_key"])
    op.drop_index("ix_subscribers_search", table_name="subscribers")
    op.execute("DROP FUNCTION search_terms(text, text, text, text, text)")
    for name in NAMES:
        op.create_index(
            f"ix_subscribers_{name}",
            "subscribers",
            [sa.text(f"lower({name}) text_pattern_ops")],
            postgresql_where=sa.text(f"{name} <> ''"),
        )
    patterns = {"address_key": "text_pattern_ops", "domain": "text_pattern_ops"}
    for name, columns in (
        ("address_prefix", ["address_key"]),
        ("domain", ["domain", "id"]),
        ("fingerprint", ["fingerprint"]),
        ("language", ["language", "id"]),
    ):
        op.create_index(f"ix_subscribers_{name}", "subscribers", columns, postgresql_ops=patterns)
    gin: dict[str, dict[str, dict[str, str]]] = {
        "tags": {},
        "attributes": {"postgresql_ops": {"attributes": "jsonb_path_ops"}},
    }
    for column, more in gin.items():
        op.create_index(
            f"ix_subscribers_{column}", "subscribers", [column], postgresql_using="gin", **more
        )
    op.create_index(
        "ix_subscribers_parts",
        "subscribers",
        [sa.text("text_parts(address_key)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": "131072"},
    )
