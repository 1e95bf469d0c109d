"""The owner's functions for what an application may not do by itself; no switch opens the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0056"
branch_labels = None
depends_on = None

# Rows of these are never emptied out, by whomever.
_LASTING = (
    "audit_entries",
    "consent_evidence",
    "consents",
    "erasure_journal",
    "ledger_anchors",
    "notices",
    "suppressions",
)

_APPEND_ONLY = """
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{retention}  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$"""
_WALK = """
CREATE OR REPLACE FUNCTION consents_walk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
{retention}    RAISE EXCEPTION 'consents are not deleted' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'captured' OR NEW.version <> 1 THEN
      RAISE EXCEPTION 'a consent begins as captured' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
      ('captured', 'pending'), ('captured', 'confirmed'), ('captured', 'withdrawn'),
      ('captured', 'expired'), ('pending', 'confirmed'), ('pending', 'refused'),
      ('pending', 'expired'), ('pending', 'withdrawn'), ('confirmed', 'withdrawn'),
      ('captured', 'erased'), ('pending', 'erased'), ('confirmed', 'erased'),
      ('refused', 'erased'), ('expired', 'erased'), ('withdrawn', 'erased')) THEN
    RAISE EXCEPTION 'a consent does not go from % to %', OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.version < OLD.version OR NEW.list_id <> OLD.list_id OR NEW.purpose_id <> OLD.purpose_id
     OR NEW.notice_id <> OLD.notice_id OR NEW.captured_at <> OLD.captured_at
     OR (NEW.subscriber_id IS NOT NULL AND NEW.subscriber_id IS DISTINCT FROM OLD.subscriber_id) THEN
    RAISE EXCEPTION 'what was agreed to does not change'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$"""
# What 0002 had, for the way back: anybody could say so.
_SWITCH = "current_setting('listmgr.retention', true) = 'on'"
_OLD_APPEND_ONLY = f"  IF TG_OP = 'DELETE' AND {_SWITCH} THEN RETURN OLD; END IF;\n"
_OLD_WALK = f"    IF {_SWITCH} THEN RETURN OLD; END IF;\n"

_EVIDENCE_STAYS = """
CREATE FUNCTION consent_evidence_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM consent_events e JOIN consents c ON c.id = e.consent_id
      WHERE e.id = OLD.event_id AND c.status IN ('expired', 'erased')) THEN
    RAISE EXCEPTION 'evidence goes only with a consent that has expired or was erased'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$"""

# Run with the owner's rights. Each says by itself what it refuses.
_FUNCTIONS = {
    "erase_evidence(bigint[])": """
CREATE FUNCTION erase_evidence(consents bigint[]) RETURNS void LANGUAGE sql
SECURITY DEFINER SET search_path = {path} AS $$
  DELETE FROM consent_evidence v USING consent_events e
  WHERE e.id = v.event_id AND e.consent_id = ANY (consents)
$$""",
    # An anchor waits until nobody writes events; the lock ends with the transaction.
    "lock_consent_events()": """
CREATE FUNCTION lock_consent_events() RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {path} AS $$
BEGIN
  LOCK TABLE consent_events IN SHARE ROW EXCLUSIVE MODE;
END $$""",
    "tidy_search_index()": """
CREATE FUNCTION tidy_search_index() RETURNS bigint LANGUAGE sql
SECURITY DEFINER SET search_path = {path} AS $$
  SELECT gin_clean_pending_list('ix_subscribers_search')
$$""",
    # Made beside and then attached: that waits for nobody who is sending. Who may write to all
    # deliveries may write to this table too.
    "create_delivery_partition(bigint)": """
CREATE FUNCTION create_delivery_partition(campaign bigint) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {path} AS $$
DECLARE
  name text := 'deliveries_' || campaign;
  granted record;
BEGIN
  IF NOT EXISTS (SELECT FROM campaigns WHERE id = campaign AND status <> 'draft') THEN
    RAISE EXCEPTION 'campaign % is not launched', campaign
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE deliveries INCLUDING DEFAULTS INCLUDING INDEXES)'
    ' WITH (fillfactor = {fill_factor})', name);
  EXECUTE format('ALTER TABLE deliveries ATTACH PARTITION %I FOR VALUES IN (%s)', name, campaign);
  FOR granted IN SELECT a.grantee::regrole AS role, string_agg(a.privilege_type, ', ') AS rights
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.oid = 'deliveries'::regclass AND a.grantee NOT IN (0, c.relowner) GROUP BY 1
  LOOP
    EXECUTE format('GRANT %s ON %I TO %s', granted.rights, name, granted.role);
  END LOOP;
END $$""",
    # A month is the shortest time deliveries are kept; the clocks of hosts differ by days.
    "drop_delivery_partition(bigint)": """
CREATE FUNCTION drop_delivery_partition(campaign bigint) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = {path} AS $$
DECLARE name text := 'deliveries_' || campaign;
BEGIN
  IF NOT EXISTS (SELECT FROM campaigns WHERE id = campaign
      AND status IN ('finished', 'cancelled') AND finished_at < now() - interval '25 days') THEN
    RAISE EXCEPTION 'it is still to be known who got campaign %', campaign
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  EXECUTE format('ALTER TABLE deliveries DETACH PARTITION %I', name);
  EXECUTE format('DROP TABLE %I', name);
END $$""",
}
# Rows are written once and updated once: room on the page keeps the update in place (HOT). What is
# written down of the answer makes the second version half as long again.
_FILL_FACTOR = 40


def upgrade() -> None:
    """Apply."""
    op.execute(_APPEND_ONLY.format(retention=""))
    op.execute(_WALK.format(retention=""))
    op.execute(_EVIDENCE_STAYS)
    op.execute(
        "CREATE TRIGGER consent_evidence_stays BEFORE DELETE ON consent_evidence FOR EACH ROW"
        " EXECUTE FUNCTION consent_evidence_stays()"
    )
    for table in _LASTING:
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " EXECUTE FUNCTION append_only()"
        )
    for name, sql in _FUNCTIONS.items():
        op.execute(sql.replace("{path}", _path()).replace("{fill_factor}", str(_FILL_FACTOR)))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    # It holds the words that were agreed to while it looks at them: a right to change them.
    op.execute("ALTER FUNCTION consents_added() SECURITY DEFINER")
    op.execute("REVOKE ALL ON FUNCTION consents_added() FROM PUBLIC")
    # A temporary table of the same name is found first, unless a function says where it looks.
    for function in _trigger_functions():
        op.execute(f"ALTER FUNCTION {function} SET search_path = {_path()}")


def _path() -> str:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    return f"{schema}, pg_temp"


def _trigger_functions() -> list[str]:
    found = op.get_bind().scalars(
        sa.text(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE prorettype = 'trigger'::regtype"
            " AND pronamespace = current_schema()::regnamespace ORDER BY 1"
        )
    )
    return list(found)


def downgrade() -> None:
    """Take back."""
    for function in _trigger_functions():
        op.execute(f"ALTER FUNCTION {function} RESET search_path")
    op.execute("GRANT EXECUTE ON FUNCTION consents_added() TO PUBLIC")
    op.execute("ALTER FUNCTION consents_added() SECURITY INVOKER")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    for table in _LASTING:
        op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
    op.execute("DROP FUNCTION consent_evidence_stays CASCADE")
    op.execute(_WALK.format(retention=_OLD_WALK))
    op.execute(_APPEND_ONLY.format(retention=_OLD_APPEND_ONLY))
