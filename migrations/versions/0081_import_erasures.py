"""Stored import files are searched for people who were erased after the erasure's commit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "import_erasures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("addresses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_erasures")),
    )
    op.create_index("ix_import_erasures_import_id", "import_erasures", ["import_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("import_erasures")
