"""The field catalogue; tags and a word on the legal basis beside each subscriber."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "fields",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label_de", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("choices", TEXTS, server_default="{}", nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("basis", sa.String(32), nullable=False),
        sa.Column("retention_months", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("special_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("roles", TEXTS, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,39}$'", name=op.f("ck_fields_key")),
        sa.CheckConstraint("label_de <> '' AND label_en <> ''", name=op.f("ck_fields_label")),
        sa.CheckConstraint("purpose <> ''", name=op.f("ck_fields_purpose")),
        sa.CheckConstraint("retention_months BETWEEN 1 AND 1200", name=op.f("ck_fields_retention")),
        sa.CheckConstraint("cardinality(roles) > 0", name=op.f("ck_fields_roles")),
        sa.CheckConstraint(
            "(kind = 'choice') = (cardinality(choices) > 0)", name=op.f("ck_fields_choices")
        ),
        sa.CheckConstraint(
            "category <> 'special' OR special_reason <> ''", name=op.f("ck_fields_special")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fields")),
        sa.UniqueConstraint("key", name=op.f("uq_fields_key")),
    )
    op.add_column("subscribers", sa.Column("tags", TEXTS, server_default="{}", nullable=False))
    op.add_column(
        "subscribers", sa.Column("basis_note", sa.Text(), server_default="", nullable=False)
    )
    op.create_index("ix_subscribers_tags", "subscribers", ["tags"], postgresql_using="gin")


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_subscribers_tags", table_name="subscribers")
    op.drop_column("subscribers", "basis_note")
    op.drop_column("subscribers", "tags")
    op.drop_table("fields")
