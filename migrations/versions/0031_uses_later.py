"""When a consent was last used is noted after the mails have gone, lease by lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "campaign_leases",
        sa.Column("noted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    # Until now a lease was done only when its uses had been noted.
    op.execute("UPDATE campaign_leases SET noted = true WHERE state = 'done'")
    op.create_index(
        "ix_campaign_leases_unnoted",
        "campaign_leases",
        ["campaign_id", "lo"],
        postgresql_where=sa.text("state = 'done' AND NOT noted"),
    )


def downgrade() -> None:
    """Take back."""
    op.execute(
        "UPDATE consents c SET last_used_at = date_trunc('month', d.begun_at)"
        " FROM campaign_leases l JOIN deliveries d ON d.campaign_id = l.campaign_id"
        "  AND d.subscriber_id >= l.lo AND d.subscriber_id < l.hi"
        " WHERE l.state = 'done' AND NOT l.noted AND d.status IN ('sent', 'uncertain')"
        "  AND c.id = d.consent_id"
        "  AND (c.last_used_at IS NULL OR c.last_used_at < date_trunc('month', d.begun_at))"
    )
    op.drop_index("ix_campaign_leases_unnoted", table_name="campaign_leases")
    op.drop_column("campaign_leases", "noted")
