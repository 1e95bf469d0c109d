"""Who stands in a file twice is found by one sort at its end: no key is looked for row by row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# A look that is under way has noted keys in the old way, or batches in an order: it begins anew.
_BEGIN_ANEW = (
    "DELETE FROM import_batches WHERE phase = 'stops'",
    *(
        f"DELETE FROM {table} t USING imports i WHERE i.id = t.import_id AND i.status = 'checking'"
        for table in ("import_batches", "import_rows", "import_lines")
    ),
    "DROP TABLE import_keys",
)


def upgrade() -> None:
    """Apply."""
    for sql in _BEGIN_ANEW:
        op.execute(sql)
    op.create_table(
        "import_keys",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("stops", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_keys")),
    )
    op.create_table(
        "import_doubles",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_doubles")),
    )


def downgrade() -> None:
    """Take back."""
    for sql in _BEGIN_ANEW:
        op.execute(sql)
    op.drop_table("import_doubles")
    op.create_table(
        "import_keys",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("stops", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "key", name=op.f("pk_import_keys")),
    )
