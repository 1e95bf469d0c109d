"""The installation knows itself, and a journal keeps what must outlive the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None

FUNCTIONS = {
    "journal_generation": """
CREATE FUNCTION journal_generation() RETURNS bigint LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
  SELECT coalesce((SELECT generation FROM installation), 1)
$$""",
    "journal_withdrawal": """
CREATE FUNCTION journal_withdrawal() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO journal_entries (at, kind, fingerprint, detail)
    SELECT NEW.at, 'withdrawn', s.fingerprint, c.purpose_id FROM consents c
    JOIN subscribers s ON s.id = c.subscriber_id WHERE c.id = NEW.consent_id;
  RETURN NULL;
END $$""",
    "journal_restriction": """
CREATE FUNCTION journal_restriction() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO journal_entries (at, kind, fingerprint)
    VALUES (coalesce(NEW.restricted_at, clock_timestamp()),
      CASE WHEN NEW.restricted_at IS NULL THEN 'restriction-lifted' ELSE 'restricted' END,
      NEW.fingerprint);
  RETURN NULL;
END $$""",
    "journal_blocks": """
CREATE FUNCTION journal_blocks() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO journal_entries (at, kind, fingerprint, detail)
    SELECT created_at, 'blocked', fingerprint, reason FROM added;
  RETURN NULL;
END $$""",
    "journal_lifted_block": """
CREATE FUNCTION journal_lifted_block() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO journal_entries (at, kind, fingerprint)
    VALUES (NEW.lifted_at, 'block-lifted', NEW.fingerprint);
  RETURN NULL;
END $$""",
    "journal_erasures": """
CREATE FUNCTION journal_erasures() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO journal_entries (at, kind, fingerprint, detail)
    SELECT erased_at, 'erased', fingerprint, coalesce(subscriber_id::text, '') FROM added;
  RETURN NULL;
END $$""",
}

TRIGGERS = {
    "journal_withdrawal": "AFTER INSERT ON consent_events FOR EACH ROW"
    " WHEN (NEW.action IN ('withdraw', 'refuse'))",
    "journal_restriction": "AFTER UPDATE OF restricted_at ON subscribers FOR EACH ROW"
    " WHEN (OLD.restricted_at IS DISTINCT FROM NEW.restricted_at)",
    "journal_blocks": "AFTER INSERT ON suppressions REFERENCING NEW TABLE AS added"
    " FOR EACH STATEMENT",
    "journal_lifted_block": "AFTER UPDATE OF lifted_at ON suppressions FOR EACH ROW"
    " WHEN (OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL)",
    "journal_erasures": "AFTER INSERT ON erasure_journal REFERENCING NEW TABLE AS added"
    " FOR EACH STATEMENT",
}

# A backup from before this migration may still be brought back: what happened since is known.
BEFORE = (
    "SELECT e.at, 'withdrawn', s.fingerprint, c.purpose_id::text FROM consent_events e"
    " JOIN consents c ON c.id = e.consent_id JOIN subscribers s ON s.id = c.subscriber_id"
    " WHERE e.action IN ('withdraw', 'refuse') AND e.at > now() - interval '90 days'",
    "SELECT restricted_at, 'restricted', fingerprint, '' FROM subscribers"
    " WHERE restricted_at IS NOT NULL",
    "SELECT created_at, 'blocked', fingerprint, reason FROM suppressions"
    " WHERE lifted_at IS NULL AND created_at > now() - interval '90 days'",
    "SELECT erased_at, 'erased', fingerprint, coalesce(subscriber_id::text, '')"
    " FROM erasure_journal",
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "installation",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("secret_keys", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("suppression_key", sa.Text(), nullable=False),
        sa.Column("anchor_key", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("mark", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "marked_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("held_at", sa.DateTime(timezone=True)),
        sa.Column("held_because", sa.String(32)),
        sa.Column("replayed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("singleton", name=op.f("ck_installation_one_row")),
        sa.CheckConstraint(
            "(held_at IS NULL) = (held_because IS NULL)",
            name=op.f("ck_installation_held_because"),
        ),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_installation")),
    )
    op.execute(FUNCTIONS["journal_generation"])
    op.create_table(
        "journal_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "generation",
            sa.BigInteger(),
            server_default=sa.text("journal_generation()"),
            nullable=False,
        ),
        sa.Column(
            "xid",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.Column(
            "written_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "octet_length(fingerprint) = 32", name=op.f("ck_journal_entries_fingerprint_size")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entries")),
    )
    op.create_index("ix_journal_entries_order", "journal_entries", ["generation", "xid", "id"])
    for select in BEFORE:
        op.execute(f"INSERT INTO journal_entries (at, kind, fingerprint, detail) {select}")
    for name, when in TRIGGERS.items():
        op.execute(FUNCTIONS[name])
        op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    """Take back."""
    for name in TRIGGERS:
        op.execute(f"DROP FUNCTION {name} CASCADE")
    op.drop_table("journal_entries")
    op.execute("DROP FUNCTION journal_generation")
    op.drop_table("installation")
