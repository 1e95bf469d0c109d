"""Kinds of service mails and methods of mass updates get the words the ledger uses from now on.

The ledger's own rows stay as they are: their hashes cover the words they were written with, and
`ConsentAction`, `Method` and `ServiceMailKind` read both.
"""

from __future__ import annotations

from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None

_KINDS = {
    "confirm": "confirm_subscription",
    "already": "already_subscribed",
    "moving": "address_change",
}


def upgrade() -> None:
    """Apply."""
    for old, new in _KINDS.items():
        op.execute(f"UPDATE service_mails SET kind = '{new}' WHERE kind = '{old}'")
    op.alter_column("bulk_acts", "how", new_column_name="method")
    op.execute("UPDATE bulk_acts SET method = 'in_person' WHERE method = 'in person'")


def downgrade() -> None:
    """Take back."""
    op.execute("UPDATE bulk_acts SET method = 'in person' WHERE method = 'in_person'")
    op.alter_column("bulk_acts", "method", new_column_name="how")
    for old, new in _KINDS.items():
        op.execute(f"UPDATE service_mails SET kind = '{old}' WHERE kind = '{new}'")
