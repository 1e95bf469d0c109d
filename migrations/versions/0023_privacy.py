"""The journal of erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "erasure_journal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(fingerprint) = 32", name=op.f("ck_erasure_journal_fingerprint_size")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_journal")),
        sa.UniqueConstraint(
            "fingerprint", "erased_at", name=op.f("uq_erasure_journal_fingerprint")
        ),
    )
    op.create_index("ix_erasure_journal_erased_at", "erasure_journal", ["erased_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("erasure_journal")
