"""Tables for replies to cards and for undoing bulk changes get their lasting names."""

from __future__ import annotations

from alembic import op

revision = "0079"
down_revision = "0057"
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
_NAMES = (("card_letters", "card_replies"), ("bulk_befores", "bulk_undo_values"))


def upgrade() -> None:
    """Apply: the catalogue alone changes, no row is read."""
    for old, new in _NAMES:
        op.execute(_RENAME.format(old=old, new=new))


def downgrade() -> None:
    """Take back."""
    for old, new in _NAMES:
        op.execute(_RENAME.format(old=new, new=old))
