"""Segments, and campaigns for them: the rule is frozen with the words at the launch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

AT = sa.DateTime(timezone=True)
ROLES = ("audience", "exclusion")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "segments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", AT, server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", AT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["operators.id"], name=op.f("fk_segments_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("name", name=op.f("uq_segments_name")),
    )
    for role in ROLES:
        op.add_column("campaigns", sa.Column(f"{role}_segment_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_campaigns_{role}_segment_id"),
            "campaigns",
            "segments",
            [f"{role}_segment_id"],
            ["id"],
        )
    op.add_column(
        "campaigns",
        sa.Column("frozen_rule", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("campaigns", "frozen_rule")
    for role in ROLES:
        op.drop_constraint(f"fk_campaigns_{role}_segment_id", "campaigns", type_="foreignkey")
        op.drop_column("campaigns", f"{role}_segment_id")
    op.drop_table("segments")
