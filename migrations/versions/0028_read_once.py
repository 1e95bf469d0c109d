"""What a look through a file has read is kept for its run, and who was seen in it costs half."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "import_lines",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("recipe", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_lines")),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["imports.id"],
            name=op.f("fk_import_lines_import_id"),
            ondelete="CASCADE",
        ),
    )
    # They are read once and go: packing them costs more than it saves.
    op.execute("ALTER TABLE import_lines ALTER content SET STORAGE EXTERNAL")
    op.drop_constraint("fk_import_keys_import_id", "import_keys")


def downgrade() -> None:
    """Take back."""
    op.execute(
        "DELETE FROM import_keys k WHERE NOT EXISTS (SELECT FROM imports i WHERE i.id = k.import_id)"
    )
    op.create_foreign_key(
        "fk_import_keys_import_id",
        "import_keys",
        "imports",
        ["import_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.drop_table("import_lines")
