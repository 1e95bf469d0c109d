"""Why a mail did not go through stands in three columns instead of one text like "failed 5.1.1".

Only deliveries that did not go through are written to, found by their index.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None

_STATE, _CODE = "split_part(trouble, ' ', 1)", "split_part(trouble, ' ', 2)"


def upgrade() -> None:
    """Apply."""
    op.add_column("deliveries", sa.Column("failure", sa.String(length=32)))
    op.add_column("deliveries", sa.Column("failure_code", sa.Text()))
    op.add_column("deliveries", sa.Column("failure_scope", sa.Text()))
    op.execute(
        f"UPDATE deliveries SET failure = {_STATE}, failure_code = CASE {_CODE}"
        f"  WHEN 'rate' THEN 'rate_limit' WHEN 'busy' THEN 'backing_off' ELSE {_CODE} END,"
        f" failure_scope = substr(trouble, length({_STATE}) + length({_CODE}) + 3)"
        " WHERE trouble IS NOT NULL"
    )
    op.drop_index("ix_deliveries_trouble", table_name="deliveries")
    op.drop_column("deliveries", "trouble")
    op.create_index(
        "ix_deliveries_failure",
        "deliveries",
        ["failure", "failure_code", "failure_scope", "subscriber_id"],
        postgresql_where=sa.text("failure IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back."""
    op.add_column("deliveries", sa.Column("trouble", sa.Text()))
    op.execute(
        "UPDATE deliveries SET trouble = concat_ws(' ', failure, nullif(CASE failure_code"
        "  WHEN 'rate_limit' THEN 'rate' WHEN 'backing_off' THEN 'busy' ELSE failure_code END, ''),"
        " nullif(failure_scope, '')) WHERE failure IS NOT NULL"
    )
    op.drop_index("ix_deliveries_failure", table_name="deliveries")
    for column in ("failure_scope", "failure_code", "failure"):
        op.drop_column("deliveries", column)
    op.create_index(
        "ix_deliveries_trouble",
        "deliveries",
        ["trouble", "subscriber_id"],
        postgresql_where=sa.text("trouble IS NOT NULL"),
    )
