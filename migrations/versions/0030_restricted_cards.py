"""People known by a business card alone: found, restricted, and written down as erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("cards", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_cards_restricted",
        "cards",
        ["id"],
        postgresql_where=sa.text("restricted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_subscribers_restricted",
        "subscribers",
        ["address_key"],
        postgresql_where=sa.text("restricted_at IS NOT NULL"),
    )
    op.alter_column("erasure_journal", "subscriber_id", nullable=True)
    op.drop_index("uq_cards_address_key", "cards")
    # By octets, as for subscribers: it serves equality and beginnings alike.
    op.create_index(
        "uq_cards_address_key",
        "cards",
        ["address_key"],
        unique=True,
        postgresql_ops={"address_key": "text_pattern_ops"},
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("uq_cards_address_key", "cards")
    op.create_index(
        "uq_cards_address_key",
        "cards",
        ["address_key"],
        unique=True,
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )
    # Nobody ever had this number.
    op.execute("UPDATE erasure_journal SET subscriber_id = 0 WHERE subscriber_id IS NULL")
    op.alter_column("erasure_journal", "subscriber_id", nullable=False)
    op.drop_index("ix_subscribers_restricted", "subscribers")
    op.drop_index("ix_cards_restricted", "cards")
    op.drop_column("cards", "restricted_at")
