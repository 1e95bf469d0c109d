"""Imports with their files; the ledger's checks by the statement, so that a million rows can pass them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_HASH = """sha256(convert_to(concat_ws(E'\\n', 'v1', n.consent_id, n.seq, n.action, n.status,
    to_char(n.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), n.actor, n.facts,
    encode(n.commitment, 'hex'), encode(n.previous, 'hex')), 'UTF8'))"""
_ONE_BY_ONE = "current_setting('listmgr.bulk', true) IS DISTINCT FROM 'on'"

FUNCTIONS = {
    # The arithmetic of `consent_event_hash`, over all rows of a statement.
    "consent_events_chain_all": f"""
CREATE FUNCTION consent_events_chain_all() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE broken record;
BEGIN
  SELECT n.consent_id, n.seq INTO broken FROM new_rows n
  WHERE n.hash <> {_HASH}
    OR CASE WHEN n.seq = 1 THEN n.previous <> decode(repeat('00', 32), 'hex')
       ELSE NOT EXISTS (SELECT FROM consent_events b WHERE b.consent_id = n.consent_id
         AND b.seq = n.seq - 1 AND b.hash = n.previous) END
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger event % of consent % breaks the chain', broken.seq, broken.consent_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$""",
    # Where a bulk has switched the look at each row off, this looks at all of them, and at once.
    "consents_in_ledger_all": """
CREATE FUNCTION consents_in_ledger_all() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE untold bigint;
BEGIN
  IF current_setting('listmgr.bulk', true) IS DISTINCT FROM 'on' THEN RETURN NULL; END IF;
  SELECT n.id INTO untold FROM new_rows n WHERE NOT EXISTS (SELECT FROM consent_events e
    WHERE e.consent_id = n.id AND e.seq = n.version AND e.status = n.status) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'consent % has a station its ledger does not tell', untold
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$""",
    "confirm_imported_is_first": """
CREATE FUNCTION confirm_imported_is_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM consents c
    JOIN consent_events b ON b.consent_id = c.id AND b.seq = 1
    JOIN subscribers s ON s.id = c.subscriber_id
    WHERE c.id = NEW.consent_id AND NEW.seq = 2 AND c.source = 'import'
      AND b.action = 'capture' AND b.at = NEW.at AND b.actor = NEW.actor
      AND s.restricted_at IS NULL
      AND NOT EXISTS (SELECT FROM suppressions x
        WHERE x.fingerprint = s.fingerprint AND x.lifted_at IS NULL)
      AND NOT EXISTS (SELECT FROM consents o WHERE o.subscriber_id = c.subscriber_id
        AND o.purpose_id = c.purpose_id AND o.id <> c.id);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'imported evidence confirms a first consent as it begins, and no other'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$""",
}

TRIGGERS = (
    "CREATE TRIGGER consents_begin BEFORE INSERT ON consents FOR EACH ROW"
    " WHEN (NEW.status <> 'captured' OR NEW.version <> 1) EXECUTE FUNCTION consents_walk()",
    "CREATE TRIGGER consents_walk BEFORE UPDATE OR DELETE ON consents FOR EACH ROW"
    " EXECUTE FUNCTION consents_walk()",
    "CREATE CONSTRAINT TRIGGER consents_in_ledger AFTER INSERT OR UPDATE OF status, version"
    " ON consents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    f" WHEN ({_ONE_BY_ONE}) EXECUTE FUNCTION consents_in_ledger()",
    "CREATE TRIGGER consents_in_ledger_new AFTER INSERT ON consents"
    " REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT"
    " EXECUTE FUNCTION consents_in_ledger_all()",
    "CREATE TRIGGER consents_in_ledger_moved AFTER UPDATE ON consents"
    " REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT"
    " EXECUTE FUNCTION consents_in_ledger_all()",
    "CREATE TRIGGER consent_events_chain AFTER INSERT ON consent_events"
    " REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT"
    " EXECUTE FUNCTION consent_events_chain_all()",
    "CREATE TRIGGER confirm_imported_is_first BEFORE INSERT ON consent_events FOR EACH ROW"
    " WHEN (NEW.action = 'confirm_imported') EXECUTE FUNCTION confirm_imported_is_first()",
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.BigInteger()),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("form", postgresql.JSONB(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "plan", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("purpose_id", sa.BigInteger()),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("basis", sa.Text(), server_default="", nullable=False),
        sa.Column("statement", sa.Text(), server_default="", nullable=False),
        sa.Column("declared_by", sa.BigInteger()),
        sa.Column("checked", sa.LargeBinary()),
        sa.Column("rows_expected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_total", sa.BigInteger()),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("started_by", sa.BigInteger()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("purged_at", sa.DateTime(timezone=True)),
        sa.Column("holder", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        *(
            sa.ForeignKeyConstraint([name], ["operators.id"], name=op.f(f"fk_imports_{name}"))
            for name in ("uploaded_by", "declared_by", "started_by")
        ),
        sa.ForeignKeyConstraint(
            ["purpose_id"], ["purposes.id"], name=op.f("fk_imports_purpose_id")
        ),
    )
    op.create_index(
        "ix_imports_working",
        "imports",
        ["id"],
        postgresql_where=sa.text("status IN ('checking', 'running')"),
    )
    number, phase = ("number", sa.BigInteger), ("phase", lambda: sa.String(32))
    _part("import_pieces", (number,), sa.Column("content", sa.LargeBinary(), nullable=False))
    # Bytes of a file: packing them again costs more than it saves.
    op.execute("ALTER TABLE import_pieces ALTER content SET STORAGE EXTERNAL")
    _part(
        "import_batches",
        (phase, number),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("verdicts", postgresql.JSONB(), nullable=False),
    )
    _part(
        "import_rows",
        (phase, number),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cells", postgresql.ARRAY(sa.Text()), nullable=False),
    )
    _part(
        "import_keys",
        (("key", sa.LargeBinary),),
        sa.Column("stops", sa.Boolean(), nullable=False),
    )
    # `purpose_id, list_id` refers to purposes, and these to lists: a second look is no safer.
    op.drop_constraint("fk_consents_list_id", "consents")
    for name, table in (
        ("consents_walk", "consents"),
        ("consents_in_ledger", "consents"),
        ("consent_events_chain", "consent_events"),
    ):
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute("DROP FUNCTION consent_events_chain")
    for sql in (*FUNCTIONS.values(), *TRIGGERS):
        op.execute(sql)


def _part(name: str, keys: tuple[tuple, ...], *columns: sa.Column) -> None:
    op.create_table(
        name,
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        *(sa.Column(key, kind(), nullable=False) for key, kind in keys),
        *columns,
        sa.PrimaryKeyConstraint("import_id", *(key for key, _ in keys), name=op.f(f"pk_{name}")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f(f"fk_{name}_import_id"), ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    """Take back."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name} CASCADE")
    for name in ("consents_begin", "consents_walk", "consents_in_ledger"):
        op.execute(f"DROP TRIGGER {name} ON consents")
    op.execute(
        """
CREATE FUNCTION consent_events_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before bytea := decode(repeat('00', 32), 'hex');
BEGIN
  IF NEW.seq > 1 THEN
    SELECT hash INTO before FROM consent_events
      WHERE consent_id = NEW.consent_id AND seq = NEW.seq - 1;
  END IF;
  IF before IS NULL OR NEW.previous <> before OR NEW.hash <> consent_event_hash(NEW) THEN
    RAISE EXCEPTION 'ledger event % of consent % breaks the chain', NEW.seq, NEW.consent_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$"""
    )
    for sql in (
        "CREATE TRIGGER consent_events_chain BEFORE INSERT ON consent_events FOR EACH ROW"
        " EXECUTE FUNCTION consent_events_chain()",
        "CREATE TRIGGER consents_walk BEFORE INSERT OR UPDATE OR DELETE ON consents FOR EACH ROW"
        " EXECUTE FUNCTION consents_walk()",
        "CREATE CONSTRAINT TRIGGER consents_in_ledger AFTER INSERT OR UPDATE OF status, version"
        " ON consents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " EXECUTE FUNCTION consents_in_ledger()",
    ):
        op.execute(sql)
    op.create_foreign_key("fk_consents_list_id", "consents", "mailing_lists", ["list_id"], ["id"])
    for name in ("import_keys", "import_rows", "import_batches", "import_pieces", "imports"):
        op.drop_table(name)
