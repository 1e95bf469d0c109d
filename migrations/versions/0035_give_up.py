"""Since when a person's server, and a whole domain, has refused a campaign: there is an end to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Who waits already begins to count now; no row is written."""
    op.add_column("deliveries", sa.Column("refused_since", sa.DateTime(timezone=True)))
    op.create_table(
        "campaign_domains",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("refused_since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_campaign_domains_campaign_id_campaigns"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", "scope", name=op.f("pk_campaign_domains")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("campaign_domains")
    op.drop_column("deliveries", "refused_since")
