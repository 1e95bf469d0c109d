"""Finds people by a part of their address, and counts consents as they move instead of when asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# For each length its own list of calls: a loop, or one list for all, costs three times as much.
LENGTHS = (14, 20, 26, 32, 40, 50, 70, 110, 500)


def _parts() -> str:
    """Every three octets in a row of a text; the last ones, cut by `substr`, find nothing."""

    def parts(length: int) -> str:
        return ",".join(f"substr(b,{start},3)" for start in range(1, length + 1))

    cases = "".join(
        f"  IF n <= {length + 2} THEN RETURN ARRAY[{parts(length)}]; END IF;\n"
        for length in LENGTHS[:-1]
    )
    return (
        "CREATE FUNCTION text_parts(t text) RETURNS bytea[]"
        " LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$\n"
        "DECLARE b bytea := convert_to(t, 'UTF8'); n int := length(b);\n"
        f"BEGIN\n{cases}  RETURN ARRAY[{parts(LENGTHS[-1])}];\nEND $$"
    )


FUNCTIONS = {
    "text_parts(text)": _parts(),
    "consents_added()": """
CREATE FUNCTION consents_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO consent_moves (list_id, purpose_id, notice_version, came_from, went_to, week, n)
  SELECT list_id, purpose_id, notice_version, '', status,
    date_trunc('week', captured_at AT TIME ZONE 'UTC')::date, count(*)
  FROM added GROUP BY 1, 2, 3, 5, 6;
  RETURN NULL;
END $$""",
    "consents_moved()": """
CREATE FUNCTION consents_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO consent_moves (list_id, purpose_id, notice_version, came_from, went_to, week, n)
  VALUES (OLD.list_id, OLD.purpose_id, OLD.notice_version, OLD.status,
    CASE TG_OP WHEN 'DELETE' THEN '' ELSE NEW.status END,
    date_trunc('week', (CASE TG_OP WHEN 'DELETE' THEN now() ELSE coalesce(
      CASE NEW.status WHEN 'confirmed' THEN NEW.confirmed_at ELSE NEW.ended_at END, now()) END)
      AT TIME ZONE 'UTC')::date, 1);
  RETURN NULL;
END $$""",
    # For data that came in past the triggers, and to prove that they count right.
    "count_consents_anew()": """
CREATE FUNCTION count_consents_anew() RETURNS void LANGUAGE sql AS $$
  DELETE FROM consent_moves;
  INSERT INTO consent_moves (list_id, purpose_id, notice_version, came_from, went_to, week, n)
  SELECT list_id, purpose_id, notice_version, m.came_from, m.went_to,
    date_trunc('week', m.at AT TIME ZONE 'UTC')::date, count(*)
  FROM consents c, LATERAL (
    SELECT '' AS came_from, CASE WHEN c.confirmed_at IS NULL THEN c.status ELSE 'confirmed' END
        AS went_to, coalesce(c.confirmed_at, c.ended_at, c.captured_at) AS at
    UNION ALL
    SELECT 'confirmed', c.status, coalesce(c.ended_at, c.confirmed_at)
      WHERE c.confirmed_at IS NOT NULL AND c.status <> 'confirmed') m
  GROUP BY 1, 2, 3, 4, 5, 6
$$""",
}
TRIGGERS = {
    "consents_added": "AFTER INSERT ON consents REFERENCING NEW TABLE AS added"
    " FOR EACH STATEMENT EXECUTE FUNCTION consents_added()",
    # By row and only when the station changes: noting a use, as sending does, costs nothing.
    "consents_moved": "AFTER UPDATE OF status ON consents FOR EACH ROW"
    " WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION consents_moved()",
    "consents_gone": "AFTER DELETE ON consents FOR EACH ROW EXECUTE FUNCTION consents_moved()",
}
NAMES = ("first_name", "last_name", "company")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "consent_moves",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose_id", sa.BigInteger(), nullable=False),
        sa.Column("notice_version", sa.BigInteger(), nullable=False),
        sa.Column("came_from", sa.Text(), nullable=False),
        sa.Column("went_to", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_moves")),
    )
    for sql in FUNCTIONS.values():
        op.execute(sql)
    op.execute("SELECT count_consents_anew()")
    for name, rest in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {rest}")
    _index_subscribers()
    op.create_index("ix_consents_source", "consents", ["source", "subscriber_id"])
    op.create_index("ix_audit_entries_operator", "audit_entries", ["operator_id", "id"])
    op.create_index(
        "ix_questions_unsent",
        "questions",
        ["status"],
        postgresql_where=sa.text("status <> 'sent'"),
    )


def _index_subscribers() -> None:
    # What comes in is put beside the index and worked in later, a thousand rows at a time
    # (`roster.tidy`): an import does not wait for it.
    op.create_index(
        "ix_subscribers_parts",
        "subscribers",
        [sa.text("text_parts(address_key)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": "131072"},
    )
    for name in NAMES:
        op.create_index(
            f"ix_subscribers_{name}",
            "subscribers",
            [sa.text(f"lower({name}) text_pattern_ops")],
            postgresql_where=sa.text(f"{name} <> ''"),
        )
    op.create_index(
        "ix_subscribers_attributes",
        "subscribers",
        ["attributes"],
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
    )
    op.create_index("ix_subscribers_created_at", "subscribers", ["created_at", "id"])
    op.create_index("ix_subscribers_language", "subscribers", ["language", "id"])
    op.drop_index("ix_subscribers_domain", table_name="subscribers")
    op.create_index(
        "ix_subscribers_domain",
        "subscribers",
        ["domain", "id"],
        postgresql_ops={"domain": "text_pattern_ops"},
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_questions_unsent", table_name="questions")
    op.drop_index("ix_audit_entries_operator", table_name="audit_entries")
    op.drop_index("ix_consents_source", table_name="consents")
    op.drop_index("ix_subscribers_domain", table_name="subscribers")
    op.create_index("ix_subscribers_domain", "subscribers", ["domain", "id"])
    for name in ("language", "created_at", "attributes", *NAMES, "parts"):
        op.drop_index(f"ix_subscribers_{name}", table_name="subscribers")
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON consents")
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("consent_moves")
