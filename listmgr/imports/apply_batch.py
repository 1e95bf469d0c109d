"""Judge a staged batch against the database and apply it, set by set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from psycopg.errors import UniqueViolation

from listmgr.consent.bulk_capture import (
    BulkCapture,
    bulk_capture,
    create_intake_table,
)
from listmgr.consent.ledger import LedgerChange, record_changes
from listmgr.consent.lifecycle import OPEN, ConsentAction
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent
from listmgr.imports.plan import Update
from listmgr.imports.row_outcomes import (
    REFUSED,
    TAKEN_IN,
    Meaning,
    RowOutcome,
)
from listmgr.imports.staging import raw
from listmgr.kit.transaction import Transaction
from listmgr.suppression.models import SuppressionReason

_V = RowOutcome
_OPEN = ", ".join(f"'{status.value}'" for status in sorted(OPEN))
_BEGUN = ", ".join(f"'{status.value}'" for status in sorted(TAKEN_IN))


class ConcurrentInsert(Exception):
    """Another transaction added one of these people; retry the batch."""


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """The list, purpose and rules a batch is applied with."""

    import_id: int
    purpose_id: int
    language: str
    update: Update
    actor: str
    facts: dict[str, object]


_JSON = "CAST(t.attributes AS jsonb)"
_TAGS = "ARRAY(SELECT jsonb_array_elements_text(CAST(t.tags AS jsonb)))"
_COLUMNS = ("first_name", "last_name", "company")

_CHANGED = {
    Update.SKIP: "false",
    Update.FILL: " OR ".join(
        [f"(s.{name} = '' AND t.{name} <> '')" for name in _COLUMNS]
        + [f"(t.attributes <> '' AND NOT s.attributes ?& ARRAY(SELECT jsonb_object_keys({_JSON})))"]
        + [f"(t.tags <> '' AND NOT s.tags @> {_TAGS})"]
    ),
    Update.OVERWRITE: " OR ".join(
        [f"(t.{name} <> '' AND t.{name} <> s.{name})" for name in (*_COLUMNS, "language")]
        + [f"(t.attributes <> '' AND NOT s.attributes @> {_JSON})"]
        + [f"(t.tags <> '' AND NOT s.tags @> {_TAGS})"]
    ),
}
_ATTRIBUTES = {
    Update.FILL: f"{_JSON} || s.attributes",
    Update.OVERWRITE: f"s.attributes || {_JSON}",
}


def _values(update: Update) -> str:
    """Return the SET clause for existing subscribers; an empty cell never deletes a value."""
    template = {Update.FILL: "coalesce(nullif(s.{0}, ''), t.{0})"}.get(
        update, "coalesce(nullif(t.{0}, ''), s.{0})"
    )
    names = _COLUMNS if update is Update.FILL else (*_COLUMNS, "language")
    tags = f"s.tags || ARRAY(SELECT x FROM unnest({_TAGS}) x WHERE x <> ALL (s.tags))"
    return ", ".join(
        [f"{name} = {template.format(name)}" for name in names]
        + [
            "attributes = CASE WHEN t.attributes <> ''"
            f" THEN {_ATTRIBUTES[update]} ELSE s.attributes END"
        ]
        + [f"tags = CASE WHEN t.tags <> '' THEN {tags} ELSE s.tags END"]
    )


# OFFSET 0 keeps each a look-up by index, whatever the planner thinks of tables that grow under it.
def _judge_sql(update: Update) -> str:
    return f"""
INSERT INTO import_judged (n, subscriber_id, verdict)
SELECT t.n, s.id, CASE
  WHEN t.wish <> '' THEN CASE WHEN t.wish = '{Meaning.UNSUBSCRIBED}' AND t.stopped_at <> ''
    AND EXISTS (SELECT FROM consents c WHERE c.subscriber_id = s.id AND c.status = 'confirmed'
      AND c.source <> 'import' AND c.confirmed_at > CAST(nullif(t.stopped_at, '') AS timestamptz))
    THEN '{_V.OUTDATED}' ELSE '{_V.OPTED_OUT}' END
  WHEN EXISTS (SELECT FROM suppressions x
    WHERE x.fingerprint = decode(t.print, 'hex') AND x.lifted_at IS NULL) THEN '{_V.SUPPRESSED}'
  WHEN s.id IS NULL THEN t.fresh
  WHEN s.restricted_at IS NOT NULL THEN '{_V.RESTRICTED}'
  WHEN c.is_open THEN CASE WHEN {_CHANGED[update]} THEN '{_V.FILLED}' ELSE '{_V.UNCHANGED}' END
  WHEN c.has_left THEN '{_V.WITHDRAWN}'
  WHEN c.is_open IS NULL AND t.fresh <> '{_V.NEW}' THEN t.fresh
  ELSE '{_V.KNOWN}' END
FROM import_stage t
LEFT JOIN LATERAL (SELECT * FROM subscribers s WHERE s.address_key = t.key OFFSET 0) s ON true
LEFT JOIN LATERAL (SELECT bool_or(c.status IN ({_OPEN})) AS is_open,
    bool_or(c.status IN ('withdrawn', 'refused')) AS has_left
  FROM consents c WHERE c.subscriber_id = s.id AND c.purpose_id = %(purpose)s OFFSET 0) c ON true"""


_JUDGE = {update: _judge_sql(update) for update in Update}

_IS_KNOWN = "SELECT FROM import_judged WHERE subscriber_id IS NOT NULL LIMIT 1"
_LOCK = f"""
SELECT s.id FROM subscribers s JOIN import_judged j ON j.subscriber_id = s.id
WHERE j.verdict IN ('{_V.FILLED}', {_BEGUN}) ORDER BY s.id FOR NO KEY UPDATE OF s"""

_ADD = f"""
WITH added AS (
  INSERT INTO subscribers (address, envelope, address_key, domain, fingerprint, language,
    first_name, last_name, company, attributes, tags, created_at)
  SELECT t.address, t.envelope, t.key, t.domain, decode(t.print, 'hex'),
    coalesce(nullif(t.language, ''), %(language)s), t.first_name, t.last_name, t.company,
    CAST(coalesce(nullif(t.attributes, ''), '{{}}') AS jsonb),
    CASE WHEN t.tags = '' THEN '{{}}' ELSE {_TAGS} END, %(at)s
  FROM import_stage t JOIN import_judged j USING (n)
  WHERE j.subscriber_id IS NULL AND j.verdict IN ({_BEGUN})
  ORDER BY t.key
  RETURNING id, address_key)
INSERT INTO consent_intake (subscriber_id, row, language, evidence, agreed_at, facts)
SELECT a.id, t.n, coalesce(nullif(t.language, ''), %(language)s), nullif(t.evidence, ''),
  CAST(nullif(t.agreed_at, '') AS timestamptz), nullif(t.facts, '')
FROM added a JOIN import_stage t ON t.key = a.address_key AND t.wish = ''"""

_FOR_KNOWN = f"""
INSERT INTO consent_intake (subscriber_id, row, language, evidence, agreed_at, facts)
SELECT j.subscriber_id, t.n, coalesce(nullif(t.language, ''), %(language)s),
  CASE WHEN j.verdict = '{_V.CONFIRMED}' THEN t.evidence END,
  CASE WHEN j.verdict = '{_V.CONFIRMED}' THEN CAST(nullif(t.agreed_at, '') AS timestamptz) END,
  CASE WHEN j.verdict = '{_V.CONFIRMED}' THEN t.facts END
FROM import_judged j JOIN import_stage t USING (n)
WHERE j.subscriber_id IS NOT NULL AND j.verdict IN ({_BEGUN})"""

_UPDATE = {
    update: f"""
UPDATE subscribers s SET {_values(update)}
FROM import_stage t JOIN import_judged j USING (n)
WHERE s.id = j.subscriber_id AND j.verdict IN ('{_V.FILLED}', {_BEGUN})
  AND s.restricted_at IS NULL AND ({_CHANGED[update]})"""
    for update in (Update.FILL, Update.OVERWRITE)
}

_REASONS = {
    Meaning.UNSUBSCRIBED: SuppressionReason.IMPORTED,
    Meaning.BOUNCED: SuppressionReason.BOUNCED,
    Meaning.COMPLAINED: SuppressionReason.COMPLAINED,
}
_BLOCK = f"""
INSERT INTO suppressions (fingerprint, reason, note, created_at)
SELECT DISTINCT ON (t.print) decode(t.print, 'hex'), CASE t.wish
  {" ".join(f"WHEN '{outcome}' THEN '{reason}'" for outcome, reason in _REASONS.items())} END,
  %(note)s, %(at)s
FROM import_stage t JOIN import_judged j USING (n) WHERE j.verdict = '{_V.OPTED_OUT}'
ORDER BY t.print, t.n
ON CONFLICT (fingerprint) WHERE lifted_at IS NULL DO NOTHING"""

_TO_END = f"""
SELECT DISTINCT c.id FROM import_judged j JOIN import_stage t USING (n)
JOIN subscribers s ON s.id = j.subscriber_id AND s.restricted_at IS NULL
JOIN consents c ON c.subscriber_id = s.id AND c.purpose_id = %(purpose)s AND c.status IN ({_OPEN})
WHERE j.verdict = '{_V.OPTED_OUT}' AND t.wish <> '{Meaning.BOUNCED}' ORDER BY c.id"""


# The planner knows nothing of tables filled a moment ago. Looking up each row is right where a
# batch meets everybody there is, and a hash where it meets itself.
_BY_INDEX = "SET LOCAL jit = off; SET LOCAL enable_seqscan = off"
_BY_SET = "SET LOCAL enable_nestloop = off"
_AS_USUAL = "SET LOCAL enable_nestloop = on; SET LOCAL enable_seqscan = on"
# What came in since is worked into the search index by who finds it too much: in one go, not four.
_ROOM = "SET LOCAL work_mem = '32MB'"


def judge(tx: Transaction, aim: ImportTarget) -> None:
    """Fill `import_judged` with the outcome of each staged row; change nothing else."""
    cursor = raw(tx).cursor()
    cursor.execute(f"DELETE FROM import_judged; {_BY_INDEX}")
    cursor.execute(_JUDGE[aim.update], {"purpose": aim.purpose_id}, prepare=False)
    cursor.execute(_AS_USUAL)


def act(tx: Transaction, aim: ImportTarget, *, at: datetime) -> None:
    """Apply the batch: subscribers, consents and their events, fields, suppressions. Send no
    mail.
    """
    cursor = raw(tx).cursor()
    existing = cursor.execute(_IS_KNOWN, prepare=False).rowcount > 0
    if existing and cursor.execute(_LOCK, prepare=False).rowcount:
        # They could have changed until they were held; from here on they cannot.
        judge(tx, aim)
    binds = {"language": aim.language, "purpose": aim.purpose_id, "at": at}
    create_intake_table(tx)
    cursor.execute(f"{_ROOM}; {_BY_SET}")
    try:
        cursor.execute(_ADD, binds, prepare=False)
    except UniqueViolation:
        raise ConcurrentInsert from None
    cursor.execute(_AS_USUAL)
    if existing:
        cursor.execute(_FOR_KNOWN, binds, prepare=False)
        if aim.update is not Update.SKIP:
            cursor.execute(_UPDATE[aim.update], prepare=False)
    bulk_capture(tx, BulkCapture(aim.purpose_id, aim.actor, at, facts=aim.facts))
    _stop(tx, aim, at=at)


def _stop(tx: Transaction, aim: ImportTarget, *, at: datetime) -> None:
    """Block the addresses the file marks as opted out and end their open consents."""
    cursor = raw(tx).cursor()
    binds = {"note": f"import {aim.import_id}", "purpose": aim.purpose_id, "at": at}
    if not cursor.execute(
        f"SELECT FROM import_judged WHERE verdict = '{_V.OPTED_OUT}' LIMIT 1", prepare=False
    ).rowcount:
        return
    cursor.execute(_BLOCK, binds, prepare=False)
    ids = [row[0] for row in cursor.execute(_TO_END, binds, prepare=False).fetchall()]
    consents = tx.session.scalars(
        sa.select(Consent).where(Consent.id.in_(ids)).order_by(Consent.id).with_for_update()
    ).all()
    facts = {"method": Method.IMPORT, "import": aim.import_id}
    acts = [LedgerChange(consent, at, facts) for consent in consents if consent.status in OPEN]
    record_changes(tx, acts, ConsentAction.WITHDRAW, actor=aim.actor)


_KEPT = """
SELECT n, verdict FROM (SELECT n, verdict,
  row_number() OVER (PARTITION BY verdict ORDER BY n) AS place FROM import_judged) x
WHERE verdict = ANY(%(refused)s) OR place <= %(shown)s"""
_KEPT_REFUSED = "SELECT n, verdict FROM import_judged WHERE verdict = ANY(%(refused)s)"


def counts(tx: Transaction) -> dict[str, int]:
    """Count the staged rows by outcome."""
    cursor = raw(tx).cursor()
    cursor.execute("SELECT verdict, count(*) FROM import_judged GROUP BY 1", prepare=False)
    return dict(cursor.fetchall())


def worth_keeping(tx: Transaction, *, shown: int) -> list[tuple[int, str]]:
    """Return number and outcome of every refused row and of the first `shown` rows of each other
    outcome.
    """
    cursor = raw(tx).cursor()
    refused = [outcome.value for outcome in REFUSED]
    kept = _KEPT if shown else _KEPT_REFUSED
    cursor.execute(kept, {"refused": refused, "shown": shown}, prepare=False)
    return cursor.fetchall()
