"""Why a delivery did not go through, found without a look at those that did; results by provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("deliveries", sa.Column("trouble", sa.Text()))
    op.execute(
        "UPDATE deliveries SET trouble = status || coalesce(' ' || coalesce("
        "substring(reply from '\\m[245]\\.[0-9]{1,3}\\.[0-9]{1,3}\\M'),"
        " substring(reply from '^[245][0-9][0-9]')), '')"
        " WHERE status IN ('failed', 'deferred', 'uncertain')"
    )
    op.create_index(
        "ix_deliveries_trouble",
        "deliveries",
        ["trouble", "subscriber_id"],
        postgresql_where=sa.text("trouble IS NOT NULL"),
    )
    op.add_column(
        "campaign_leases",
        sa.Column(
            "providers", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("campaign_leases", "providers")
    op.drop_index("ix_deliveries_trouble", table_name="deliveries")
    op.drop_column("deliveries", "trouble")
