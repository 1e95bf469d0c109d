"""Files that go with a campaign, fixed by its launch; room for noting a consent's use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

FIXED = """
CREATE FUNCTION campaign_files_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM campaigns WHERE status <> 'draft' AND id =
      CASE TG_OP WHEN 'DELETE' THEN OLD.campaign_id ELSE NEW.campaign_id END) THEN
    RAISE EXCEPTION 'the files of a launched campaign are fixed'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "campaign_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_campaign_files_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_files")),
        sa.UniqueConstraint("campaign_id", "name", name=op.f("uq_campaign_files_campaign_id")),
    )
    op.execute(FIXED)
    op.execute(
        "CREATE TRIGGER campaign_files_fixed BEFORE INSERT OR UPDATE OR DELETE ON campaign_files"
        " FOR EACH ROW EXECUTE FUNCTION campaign_files_fixed()"
    )
    # The month of the last use is noted of all consents of a page at once: with room for all of
    # them beside the old ones no index is touched, which halves what it costs.
    op.execute("ALTER TABLE consents SET (fillfactor = 50)")


def downgrade() -> None:
    """Take back."""
    op.execute("ALTER TABLE consents SET (fillfactor = 85)")
    op.drop_table("campaign_files")
    op.execute("DROP FUNCTION campaign_files_fixed()")
