"""Confirmation requests over a limit wait for room instead of being dropped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("questions", sa.Column("network", sa.LargeBinary(), nullable=True))
    op.add_column(
        "questions", sa.Column("actor", sa.Text(), server_default="subscriber", nullable=False)
    )
    op.add_column("questions", sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE questions SET queued_at = created_at")
    op.drop_index("ix_questions_recipient", table_name="questions")
    op.drop_index("ix_questions_domain", table_name="questions")
    op.create_index("ix_questions_recipient", "questions", ["recipient", "queued_at"])
    op.create_index("ix_questions_domain", "questions", ["domain", "queued_at"])
    op.create_index("ix_questions_queued_at", "questions", ["queued_at"])
    op.create_index(
        "ix_questions_network",
        "questions",
        ["network", "queued_at"],
        postgresql_where=sa.text("network IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back."""
    # Before, such consents stayed captured and were never asked for.
    op.execute("DELETE FROM questions WHERE status = 'waiting'")
    op.drop_index("ix_questions_network", table_name="questions")
    op.drop_index("ix_questions_queued_at", table_name="questions")
    op.drop_index("ix_questions_domain", table_name="questions")
    op.drop_index("ix_questions_recipient", table_name="questions")
    op.create_index("ix_questions_recipient", "questions", ["recipient", "created_at"])
    op.create_index("ix_questions_domain", "questions", ["domain", "created_at"])
    op.drop_column("questions", "queued_at")
    op.drop_column("questions", "actor")
    op.drop_column("questions", "network")
