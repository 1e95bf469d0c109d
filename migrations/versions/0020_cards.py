"""Business cards with who took them, their pictures and first replies; keys to the API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "occasions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_captured", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gone_asked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gone_confirmed", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occasions")),
        sa.UniqueConstraint("key", name=op.f("uq_occasions_key")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("beginning", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_api_keys_operator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_keys_token_hash")),
    )
    op.create_index("ix_api_keys_operator_id", "api_keys", ["operator_id"], unique=False)
    op.create_table(
        "card_uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), server_default="waiting", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occasion_id", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.Column("notice_by_hand", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("content_type", sa.Text(), server_default="", nullable=False),
        sa.Column("keep_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("found", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "remarks",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["occasion_id"], ["occasions.id"], name=op.f("fk_card_uploads_occasion_id")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_card_uploads_operator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_uploads")),
        sa.UniqueConstraint(
            "operator_id", "idempotency_key", name=op.f("uq_card_uploads_operator_id")
        ),
    )
    op.create_index(
        "ix_card_uploads_content",
        "card_uploads",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("content IS NOT NULL"),
    )
    op.create_index(
        "ix_card_uploads_waiting",
        "card_uploads",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "cards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("status", sa.String(32), server_default="captured", nullable=False),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "guessed", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "problems",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("address_key", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("company", sa.Text(), server_default="", nullable=False),
        sa.Column("job_title", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("website", sa.Text(), server_default="", nullable=False),
        sa.Column("postal", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="de", nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delete_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notice_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notice_given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_way", sa.String(32), nullable=True),
        sa.Column("notice_by", sa.BigInteger(), nullable=True),
        sa.Column("objected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consent_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status <> 'objected' OR (address_key IS NULL AND address = '' AND guessed = '{}'::jsonb AND first_name = '' AND last_name = '' AND company = '' AND phone = '' AND job_title = '' AND website = '' AND postal = '' AND note = '')",
            name=op.f("ck_cards_objected_holds_nothing"),
        ),
        sa.CheckConstraint(
            "status <> 'objected' OR objected_at IS NOT NULL", name=op.f("ck_cards_objected_at")
        ),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_cards_consent_id")),
        sa.ForeignKeyConstraint(["notice_by"], ["operators.id"], name=op.f("fk_cards_notice_by")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["card_uploads.id"], name=op.f("fk_cards_upload_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
    )
    op.create_index("ix_cards_delete_at", "cards", ["delete_at"], unique=False)
    op.create_index(
        "ix_cards_notice_due",
        "cards",
        ["notice_due_at"],
        unique=False,
        postgresql_where=sa.text("notice_given_at IS NULL AND status <> 'objected'"),
    )
    op.create_index("ix_cards_status", "cards", ["status", "id"], unique=False)
    op.create_index("ix_cards_upload_id", "cards", ["upload_id"], unique=False)
    op.create_index(
        "uq_cards_address_key",
        "cards",
        ["address_key"],
        unique=True,
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )
    op.create_table(
        "card_captures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("card_id", sa.BigInteger(), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occasion_id", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["card_id"], ["cards.id"], name=op.f("fk_card_captures_card_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["occasion_id"], ["occasions.id"], name=op.f("fk_card_captures_occasion_id")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_card_captures_operator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_captures")),
    )
    op.create_index("ix_card_captures_card_id", "card_captures", ["card_id"], unique=False)
    op.create_index("ix_card_captures_occasion_id", "card_captures", ["occasion_id"], unique=False)
    op.create_index(
        "ix_card_captures_operator", "card_captures", ["operator_id", "card_id"], unique=False
    )
    op.create_table(
        "card_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("card_id", sa.BigInteger(), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(32), server_default="queued", nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["card_id"], ["cards.id"], name=op.f("fk_card_letters_card_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_lists.id"], name=op.f("fk_card_letters_list_id")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_card_letters_operator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_letters")),
    )
    op.create_index("ix_card_letters_card_id", "card_letters", ["card_id"], unique=False)
    op.create_index(
        "ix_card_letters_open",
        "card_letters",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index(
        "ix_card_letters_open",
        table_name="card_letters",
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )
    op.drop_index("ix_card_letters_card_id", table_name="card_letters")
    op.drop_table("card_letters")
    op.drop_index("ix_card_captures_operator", table_name="card_captures")
    op.drop_index("ix_card_captures_occasion_id", table_name="card_captures")
    op.drop_index("ix_card_captures_card_id", table_name="card_captures")
    op.drop_table("card_captures")
    op.drop_index(
        "uq_cards_address_key",
        table_name="cards",
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )
    op.drop_index("ix_cards_upload_id", table_name="cards")
    op.drop_index("ix_cards_status", table_name="cards")
    op.drop_index(
        "ix_cards_notice_due",
        table_name="cards",
        postgresql_where=sa.text("notice_given_at IS NULL AND status <> 'objected'"),
    )
    op.drop_index("ix_cards_delete_at", table_name="cards")
    op.drop_table("cards")
    op.drop_index(
        "ix_card_uploads_waiting",
        table_name="card_uploads",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_index(
        "ix_card_uploads_content",
        table_name="card_uploads",
        postgresql_where=sa.text("content IS NOT NULL"),
    )
    op.drop_table("card_uploads")
    op.drop_index("ix_api_keys_operator_id", table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("occasions")
