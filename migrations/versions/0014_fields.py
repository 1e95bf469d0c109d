"""The field catalogue, what forms ask of it, and answers that wait for the person's own word.

Beside each subscriber: tags, and a word on the legal basis.
"""

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
    op.create_table(
        "signup_form_fields",
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["form_id"],
            ["signup_forms.id"],
            name=op.f("fk_signup_form_fields_form_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("form_id", "key", name=op.f("pk_signup_form_fields")),
    )
    op.execute(
        "INSERT INTO signup_form_fields (form_id, key, position)"
        " SELECT id, key, position FROM signup_forms,"
        "  (VALUES ('first_name', 1), ('last_name', 2)) names (key, position) WHERE asks_name"
    )
    op.drop_column("signup_forms", "asks_name")
    op.create_table(
        "signup_answers",
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["questions.id"],
            name=op.f("fk_signup_answers_question_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_signup_answers_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("question_id", name=op.f("pk_signup_answers")),
    )
    op.create_index("ix_signup_answers_subscriber_id", "signup_answers", ["subscriber_id"])
    op.create_index("ix_signup_answers_received_at", "signup_answers", ["received_at"])
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
    op.drop_table("signup_answers")
    op.add_column(
        "signup_forms",
        sa.Column("asks_name", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.execute(
        "UPDATE signup_forms f SET asks_name = EXISTS (SELECT FROM signup_form_fields a"
        " WHERE a.form_id = f.id AND a.key IN ('first_name', 'last_name'))"
    )
    op.drop_table("signup_form_fields")
    op.drop_table("fields")
