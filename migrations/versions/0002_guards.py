"""What the database itself refuses: a consent walking back, a ledger rewritten, a block lifted by staff."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FUNCTIONS = {
    # The same arithmetic as listmgr/consent/hash_chain.py; a test holds them together.
    "consent_event_hash": """
CREATE FUNCTION consent_event_hash(e consent_events) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(convert_to(concat_ws(E'\\n', 'v1', e.consent_id, e.seq, e.action, e.status,
    to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.actor, e.facts,
    encode(e.commitment, 'hex'), encode(e.previous, 'hex')), 'UTF8'))
$$""",
    "consents_walk": """
CREATE FUNCTION consents_walk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF current_setting('listmgr.retention', true) = 'on' THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'consents are not deleted' USING ERRCODE = 'integrity_constraint_violation';
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
END $$""",
    "consents_in_ledger": """
CREATE FUNCTION consents_in_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM consents c WHERE c.id = NEW.id AND NOT EXISTS (
    SELECT FROM consent_events e WHERE e.consent_id = c.id AND e.seq = c.version
      AND e.status = c.status);
  IF FOUND THEN
    RAISE EXCEPTION 'consent % has a station its ledger does not tell', NEW.id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$""",
    "consent_events_chain": """
CREATE FUNCTION consent_events_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before bytea := decode(repeat('00', 32), 'hex');
BEGIN
  IF NEW.seq > 1 THEN
    SELECT hash INTO before FROM consent_events
      WHERE consent_id = NEW.consent_id AND seq = NEW.seq - 1;
  END IF;
  IF before IS NULL OR NEW.previous <> before OR NEW.hash <> consent_event_hash(NEW) THEN
    RAISE EXCEPTION 'ledger event % of consent % breaks the chain', NEW.seq, NEW.consent_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$""",
    "append_only": """
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('listmgr.retention', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$""",
    "suppressions_lift": """
CREATE FUNCTION suppressions_lift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.lifted_at IS NOT NULL OR NEW.fingerprint <> OLD.fingerprint
     OR NEW.lifted_at IS NULL AND NEW.reason <> OLD.reason THEN
    RAISE EXCEPTION 'a suppression outlives everything'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.lifted_at IS NOT NULL AND NOT EXISTS (
      SELECT FROM consents c JOIN subscribers s ON s.id = c.subscriber_id
      JOIN consent_events e ON e.consent_id = c.id AND e.action = 'confirm'
      WHERE c.id = NEW.lifted_by_consent_id AND c.status = 'confirmed'
        AND s.fingerprint = NEW.fingerprint AND e.actor = 'subscriber'
        AND e.at >= OLD.created_at) THEN
    RAISE EXCEPTION 'only the person''s own confirmation lifts a suppression'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$""",
}

TRIGGERS = {
    "consents_walk": "BEFORE INSERT OR UPDATE OR DELETE ON consents FOR EACH ROW "
    "EXECUTE FUNCTION consents_walk()",
    "consent_events_chain": "BEFORE INSERT ON consent_events FOR EACH ROW "
    "EXECUTE FUNCTION consent_events_chain()",
    "consent_events_append_only": "BEFORE UPDATE OR DELETE ON consent_events FOR EACH ROW "
    "EXECUTE FUNCTION append_only()",
    "consent_events_no_truncate": "BEFORE TRUNCATE ON consent_events "
    "EXECUTE FUNCTION append_only()",
    "consent_evidence_fixed": "BEFORE UPDATE ON consent_evidence FOR EACH ROW "
    "EXECUTE FUNCTION append_only()",
    "audit_entries_append_only": "BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW "
    "EXECUTE FUNCTION append_only()",
    "notices_fixed": "BEFORE UPDATE OR DELETE ON notices FOR EACH ROW "
    "EXECUTE FUNCTION append_only()",
    "campaign_contents_fixed": "BEFORE UPDATE ON campaign_contents FOR EACH ROW "
    "EXECUTE FUNCTION append_only()",
    "ledger_anchors_append_only": "BEFORE UPDATE OR DELETE ON ledger_anchors FOR EACH ROW "
    "EXECUTE FUNCTION append_only()",
    "suppressions_lift": "BEFORE UPDATE OR DELETE ON suppressions FOR EACH ROW "
    "EXECUTE FUNCTION suppressions_lift()",
}


def upgrade() -> None:
    """Add the functions, then the triggers that call them."""
    for sql in FUNCTIONS.values():
        op.execute(sql)
    for name, rest in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {rest}")
    op.execute(
        "CREATE CONSTRAINT TRIGGER consents_in_ledger AFTER INSERT OR UPDATE OF status, version "
        "ON consents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION consents_in_ledger()"
    )


def downgrade() -> None:
    """Take the triggers away with their functions."""
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name} CASCADE")
