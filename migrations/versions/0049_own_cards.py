"""A card belongs to the operator who took it; a key stands for one request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0043"
branch_labels = None
depends_on = None

# Who took a card first; one that nobody took, which no program made, falls to the first operator.
_OWNER = (
    "UPDATE cards k SET operator_id = coalesce("
    " (SELECT c.operator_id FROM card_captures c WHERE c.card_id = k.id ORDER BY c.id LIMIT 1),"
    " (SELECT u.operator_id FROM card_uploads u WHERE u.id = k.upload_id),"
    " (SELECT min(id) FROM operators))"
)
_SHARED = (
    "SELECT DISTINCT c.card_id, c.operator_id FROM card_captures c JOIN cards k ON k.id = c.card_id"
    " WHERE c.operator_id <> k.operator_id ORDER BY 1, 2"
)
_MOVE = (
    "UPDATE card_captures SET card_id = :copy WHERE card_id = :card_id"
    " AND operator_id = :operator_id"
)
# What only the first card has: its number, its picture, its statement.
_NOT_COPIED = ("id", "operator_id", "upload_id", "consent_id")
_FIRST = "(SELECT min(f.id) FROM cards f WHERE f.address_key = k.address_key)"


def upgrade() -> None:
    """Apply; who shared a card until now has a copy of it, which they could read before."""
    op.add_column("cards", sa.Column("operator_id", sa.BigInteger(), nullable=True))
    op.execute(_OWNER)
    op.alter_column("cards", "operator_id", nullable=False)
    op.drop_index("uq_cards_address_key", "cards")
    _part()
    op.create_foreign_key(
        "fk_cards_operator_id_operators", "cards", "operators", ["operator_id"], ["id"]
    )
    op.create_index(
        "uq_cards_address_key",
        "cards",
        ["address_key", "operator_id"],
        unique=True,
        postgresql_ops={"address_key": "text_pattern_ops"},
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )
    op.create_index("ix_cards_operator", "cards", ["operator_id", "status", "id"])
    op.drop_index("ix_card_captures_operator", "card_captures")
    op.add_column("card_uploads", sa.Column("request_print", sa.LargeBinary(), nullable=True))
    op.add_column("card_uploads", sa.Column("card_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        "fk_card_uploads_card_id_cards",
        "card_uploads",
        "cards",
        ["card_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(
        "ix_card_uploads_card_id",
        "card_uploads",
        ["card_id"],
        postgresql_where=sa.text("card_id IS NOT NULL"),
    )
    op.execute(
        "UPDATE card_uploads u SET card_id = k.id FROM cards k"
        " WHERE k.upload_id = u.id AND u.source IN ('typed', 'api')"
    )


def downgrade() -> None:
    """Take back: the cards of one address are one again, the oldest."""
    op.drop_index("ix_card_uploads_card_id", "card_uploads")
    op.drop_column("card_uploads", "card_id")
    op.drop_column("card_uploads", "request_print")
    for table in ("card_captures", "card_letters"):
        op.execute(
            f"UPDATE {table} t SET card_id = {_FIRST} FROM cards k"
            f" WHERE k.id = t.card_id AND k.address_key IS NOT NULL AND k.id <> {_FIRST}"
        )
    op.execute(f"DELETE FROM cards k WHERE k.address_key IS NOT NULL AND k.id <> {_FIRST}")
    op.drop_index("ix_cards_operator", "cards")
    op.drop_index("uq_cards_address_key", "cards")
    op.create_index(
        "uq_cards_address_key",
        "cards",
        ["address_key"],
        unique=True,
        postgresql_ops={"address_key": "text_pattern_ops"},
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )
    op.create_index("ix_card_captures_operator", "card_captures", ["operator_id", "card_id"])
    op.drop_column("cards", "operator_id")


def _part() -> None:
    connection = op.get_bind()
    names = [one["name"] for one in sa.inspect(connection).get_columns("cards")]
    copied = ", ".join(name for name in names if name not in _NOT_COPIED)
    copy = sa.text(
        f"INSERT INTO cards (operator_id, {copied}) SELECT :operator_id, {copied}"
        " FROM cards WHERE id = :card_id RETURNING id"
    )
    for card_id, operator_id in connection.execute(sa.text(_SHARED)).all():
        told = {"card_id": card_id, "operator_id": operator_id}
        made = connection.execute(copy, told).scalar_one()
        connection.execute(sa.text(_MOVE), told | {"copy": made})
