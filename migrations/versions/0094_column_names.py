"""Columns named by what they hold: the search of a selection, the cards detected in an upload."""

from __future__ import annotations

from alembic import op

revision = "0094"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.alter_column("selections", "wanted", new_column_name="search")
    op.alter_column("card_uploads", "found", new_column_name="detected")


def downgrade() -> None:
    """Take back."""
    op.alter_column("card_uploads", "detected", new_column_name="found")
    op.alter_column("selections", "search", new_column_name="wanted")
