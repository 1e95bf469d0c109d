"""What a delivery costs the database: one index fewer a row, and no trigger where none has a say."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    # Led by the subscriber, the key's own index also finds a person's deliveries.
    op.execute("ALTER TABLE deliveries DROP CONSTRAINT pk_deliveries")
    op.execute(
        "ALTER TABLE deliveries ADD CONSTRAINT pk_deliveries"
        " PRIMARY KEY (subscriber_id, campaign_id)"
    )
    op.drop_index("ix_deliveries_subscriber_id", table_name="deliveries")
    # Noting the month of the last use walks through no station: the trigger has nothing to say.
    op.execute("DROP TRIGGER consents_walk ON consents")
    op.execute(
        "CREATE TRIGGER consents_walk BEFORE INSERT OR DELETE OR UPDATE OF"
        " status, version, subscriber_id, list_id, purpose_id, notice_id, captured_at"
        " ON consents FOR EACH ROW EXECUTE FUNCTION consents_walk()"
    )
    # Room for the new row beside the old one, so that no index is touched.
    op.execute("ALTER TABLE consents SET (fillfactor = 85)")


def downgrade() -> None:
    """Take back."""
    op.execute("ALTER TABLE consents RESET (fillfactor)")
    op.execute("DROP TRIGGER consents_walk ON consents")
    op.execute(
        "CREATE TRIGGER consents_walk BEFORE INSERT OR UPDATE OR DELETE ON consents"
        " FOR EACH ROW EXECUTE FUNCTION consents_walk()"
    )
    op.create_index("ix_deliveries_subscriber_id", "deliveries", ["subscriber_id"])
    op.execute("ALTER TABLE deliveries DROP CONSTRAINT pk_deliveries")
    op.execute(
        "ALTER TABLE deliveries ADD CONSTRAINT pk_deliveries"
        " PRIMARY KEY (campaign_id, subscriber_id)"
    )
