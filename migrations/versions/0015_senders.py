"""Senders with their limits and quiet hours; which one a list names; what a campaign waits for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _quiet() -> list[sa.Column]:
    days = postgresql.ARRAY(sa.SmallInteger())
    return [
        sa.Column("quiet_from", sa.Time()),
        sa.Column("quiet_to", sa.Time()),
        sa.Column("quiet_days", days, server_default="{}", nullable=False),
        sa.Column("quiet_zone", sa.Text(), server_default="Europe/Berlin", nullable=False),
    ]


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text(), server_default="", nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in names]


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "senders",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *_texts("host"),
        sa.Column("port", sa.BigInteger(), server_default="587", nullable=False),
        sa.Column("security", sa.Text(), server_default="starttls", nullable=False),
        *_texts("username", "password", "envelope", "bounce_domain"),
        sa.Column("serves", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        *_numbers("connections", "per_second", "per_hour", "per_day"),
        sa.Column(
            "warm_up", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False
        ),
        sa.Column("warm_up_began", sa.Date()),
        sa.Column("revision", sa.BigInteger(), server_default="1", nullable=False),
        *_texts("processor", "processor_country", "processor_contract"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        *_quiet(),
        sa.CheckConstraint("security IN ('none', 'starttls', 'tls')", name="security"),
        sa.CheckConstraint("id = 0 OR processor <> ''", name="processor"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_senders")),
    )
    op.create_table(
        "sender_domains",
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        *_numbers("per_second", "per_hour", "per_day", "at_once"),
        sa.ForeignKeyConstraint(
            ["sender_id"],
            ["senders.id"],
            name=op.f("fk_sender_domains_sender_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sender_id", "scope", name=op.f("pk_sender_domains")),
    )
    for column in _quiet():
        op.add_column("mailing_lists", column)
    for table in ("mailing_lists", "campaigns"):
        op.add_column(table, sa.Column("sender_id", sa.BigInteger()))
        op.create_foreign_key(
            op.f(f"fk_{table}_sender_id"), table, "senders", ["sender_id"], ["id"]
        )
    op.add_column("campaigns", sa.Column("waits_until", sa.DateTime(timezone=True)))
    op.add_column("campaigns", *_texts("waits_for"))


def downgrade() -> None:
    """Take back."""
    op.drop_column("campaigns", "waits_for")
    op.drop_column("campaigns", "waits_until")
    for table in ("campaigns", "mailing_lists"):
        op.drop_constraint(op.f(f"fk_{table}_sender_id"), table, type_="foreignkey")
        op.drop_column(table, "sender_id")
    for column in _quiet():
        op.drop_column("mailing_lists", column.name)
    op.drop_table("sender_domains")
    op.drop_table("senders")
