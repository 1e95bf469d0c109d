"""Records read together as one person, and wishes for another address that wait for its answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "subscribers",
        sa.Column(
            "merged_into_id",
            sa.BigInteger(),
            sa.ForeignKey(
                "subscribers.id",
                name="fk_subscribers_merged_into_id_subscribers",
                ondelete="SET NULL",
            ),
        ),
    )
    op.create_index(
        "ix_subscribers_merged_into_id",
        "subscribers",
        ["merged_into_id"],
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.create_table(
        "address_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column(
            "consent_ids", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name="pk_address_changes"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name="fk_address_changes_subscriber_id_subscribers",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "uq_address_changes_open",
        "address_changes",
        ["subscriber_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('received', 'asked')"),
    )
    op.create_index("ix_address_changes_asked_at", "address_changes", ["subscriber_id", "asked_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("address_changes")
    op.drop_index("ix_subscribers_merged_into_id", table_name="subscribers")
    op.drop_column("subscribers", "merged_into_id")
