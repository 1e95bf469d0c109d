"""Replies to cards that wait for a mail server say for which, and whether it refuses the login."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("card_replies", sa.Column("away_sender_id", sa.BigInteger()))
    op.add_column(
        "card_replies",
        sa.Column("login_refused", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("card_replies", "login_refused")
    op.drop_column("card_replies", "away_sender_id")
