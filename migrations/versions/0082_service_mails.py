"""Service mails get their lasting table name: most of them ask nothing.

Jobs queued under the old names are discarded by the new workers, which read registered names only;
the rows are still there, and the sweep queues them again within 15 seconds.
"""

from __future__ import annotations

from alembic import op

revision = "0082"
down_revision = "0094"
branch_labels = None
depends_on = None

# A table's constraints, indexes and sequence are named after it.
_RENAME = """
DO $$ DECLARE part record; BEGIN
  ALTER TABLE {old} RENAME TO {new};
  FOR part IN SELECT conname AS name FROM pg_constraint
      WHERE conrelid = '{new}'::regclass AND conname LIKE '%{old}%'
  LOOP EXECUTE format('ALTER TABLE {new} RENAME CONSTRAINT %I TO %I',
      part.name, replace(part.name, '{old}', '{new}')); END LOOP;
  FOR part IN SELECT c.relname AS name, c.relkind AS kind FROM pg_class c
      WHERE c.relkind IN ('i', 'S') AND c.relnamespace = 'public'::regnamespace
        AND c.relname LIKE '%{old}%'
  LOOP EXECUTE format('ALTER %s %I RENAME TO %I', CASE part.kind WHEN 'S' THEN 'SEQUENCE'
      ELSE 'INDEX' END, part.name, replace(part.name, '{old}', '{new}')); END LOOP;
END $$
"""
_FOREIGN_KEY = "ALTER TABLE signup_answers RENAME CONSTRAINT fk_signup_answers_{old} TO"
_FOREIGN_KEY += " fk_signup_answers_{new}"


def upgrade() -> None:
    """Apply: the catalogue alone changes, no row is read."""
    op.execute(_RENAME.format(old="questions", new="service_mails"))
    op.alter_column("signup_answers", "question_id", new_column_name="service_mail_id")
    op.execute(_FOREIGN_KEY.format(old="question_id", new="service_mail_id"))


def downgrade() -> None:
    """Take back."""
    op.execute(_FOREIGN_KEY.format(old="service_mail_id", new="question_id"))
    op.alter_column("signup_answers", "service_mail_id", new_column_name="question_id")
    op.execute(_RENAME.format(old="service_mails", new="questions"))
