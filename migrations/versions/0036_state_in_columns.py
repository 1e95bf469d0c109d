"""What paused a campaign, skipped a retry or let a sender rest stands in columns, not in prose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0049"
branch_labels = None
depends_on = None

_AWAY = "The mail server is away: "
_SKIPPED = "not sent again: "


def upgrade() -> None:
    """Apply. Of deliveries only those are looked at that did not go through, by their index."""
    op.add_column("campaigns", sa.Column("pause_cause", sa.String(length=32)))
    op.execute(
        "UPDATE campaigns SET pause_cause = CASE WHEN pause_reason = '' THEN 'operator'"
        f" WHEN starts_with(pause_reason, '{_AWAY}') THEN 'server_away' ELSE 'sender_fault' END,"
        f" pause_reason = CASE WHEN starts_with(pause_reason, '{_AWAY}')"
        f"  THEN substr(pause_reason, {len(_AWAY) + 1}) ELSE pause_reason END"
        " WHERE status = 'paused'"
    )
    op.create_check_constraint(
        op.f("ck_campaigns_pause_cause"),
        "campaigns",
        "(status = 'paused') = (pause_cause IS NOT NULL)",
    )
    op.add_column("deliveries", sa.Column("skip_reason", sa.Text()))
    op.execute(
        f"UPDATE deliveries SET skip_reason = substr(reply, {len(_SKIPPED) + 1}), reply = NULL"
        f" WHERE trouble >= 'failed ' AND trouble < 'failee' AND starts_with(reply, '{_SKIPPED}')"
    )
    op.add_column("questions", sa.Column("away_sender_id", sa.BigInteger()))
    op.execute(
        "UPDATE questions SET away_sender_id ="
        " CAST(substring(last_error FROM 'sender ([0-9]+)') AS bigint)"
        " WHERE status = 'queued' AND starts_with(last_error, 'server away (sender ')"
    )


def downgrade() -> None:
    """Take back."""
    op.execute(
        "UPDATE questions SET last_error = 'server away (sender ' || away_sender_id || ')'"
        " WHERE away_sender_id IS NOT NULL"
    )
    op.drop_column("questions", "away_sender_id")
    op.execute(
        f"UPDATE deliveries SET reply = '{_SKIPPED}' || skip_reason"
        " WHERE trouble >= 'failed ' AND trouble < 'failee' AND skip_reason IS NOT NULL"
    )
    op.drop_column("deliveries", "skip_reason")
    op.drop_constraint(op.f("ck_campaigns_pause_cause"), "campaigns")
    op.execute(
        f"UPDATE campaigns SET pause_reason = left('{_AWAY}' || pause_reason, 500)"
        " WHERE pause_cause = 'server_away'"
    )
    op.drop_column("campaigns", "pause_cause")
