"""The only place that changes a consent: status and event are written together."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple

from listmgr.consent.hash_chain import (
    GENESIS,
    SALT_BYTES,
    LedgerEntry,
    canonical,
    commit_to,
    entry_hash,
    stamp,
)
from listmgr.consent.lifecycle import ENDED, ConsentAction, ConsentStatus, next_status
from listmgr.consent.models import Consent
from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.rows import Rows, rows_unflushed
from listmgr.kit.transaction import Transaction

# A trigger writes these into the journal.
JOURNALED = frozenset({ConsentAction.WITHDRAW, ConsentAction.REFUSE})


def lock_consent(tx: Transaction, consent_id: int) -> Consent:
    """Return the consent, locked until the commit. Raises NotFound."""
    consent = tx.session.get(Consent, consent_id, with_for_update=True, populate_existing=True)
    if consent is None:
        raise NotFound(N_("There is no such consent."))
    return consent


class LedgerChange(NamedTuple):
    """A change of one locked consent and its time.

    `facts` must not be personal and stay for ever; `evidence` is personal and can be erased.
    """

    consent: Consent
    at: datetime
    facts: Mapping[str, Any] | None = None
    evidence: Mapping[str, Any] | None = None


def record(
    tx: Transaction,
    consent: Consent,
    action: ConsentAction,
    *,
    at: datetime,
    actor: str,
    facts: Mapping[str, Any] | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> None:
    """Change a locked consent and write the event; see `record_changes`."""
    record_changes(tx, [LedgerChange(consent, at, facts, evidence)], action, actor=actor)


def record_changes(
    tx: Transaction, acts: Sequence[LedgerChange], action: ConsentAction, *, actor: str
) -> None:
    """Apply one action to many consents in a constant number of statements.

    Raises ForbiddenTransition if the status of one of them does not allow the action.
    """
    if not acts:
        return
    first = action is ConsentAction.CAPTURE
    before = {} if first else _last_hashes(tx, acts)
    written = [
        _entry(act, action, actor, GENESIS if first else before[act.consent.id]) for act in acts
    ]
    ids = _store(tx, [entry for entry, _, _ in written])
    _store_evidence(
        tx,
        [
            (ids[act.consent.id], salt, content)
            for act, (_, salt, content) in zip(acts, written, strict=True)
            if act.evidence
        ],
    )
    tx.journaled |= action in JOURNALED
    for act, (entry, _, _) in zip(acts, written, strict=True):
        _move(act.consent, ConsentStatus(entry.status), entry.seq, act.at)
    tx.session.flush()


def _entry(
    act: LedgerChange, action: ConsentAction, actor: str, previous: bytes
) -> tuple[LedgerEntry, bytes, str]:
    """Return the event of one change with its salt and the text it commits to."""
    first = action is ConsentAction.CAPTURE
    status = next_status(None if first else act.consent.status, action)
    salt = secrets.token_bytes(SALT_BYTES)
    content = canonical(act.evidence or {})
    entry = LedgerEntry(
        consent_id=act.consent.id,
        seq=1 if first else act.consent.version + 1,
        action=action.value,
        status=status.value,
        at=act.at,
        actor=actor,
        facts=canonical(act.facts or {}),
        commitment=commit_to(salt, content),
        previous=previous,
    )
    return entry, salt, content


def _move(consent: Consent, status: ConsentStatus, version: int, at: datetime) -> None:
    consent.status = status
    consent.version = version
    if status is ConsentStatus.CONFIRMED and consent.confirmed_at is None:
        consent.confirmed_at = at
        consent.expires_at = None
    if status in ENDED and consent.ended_at is None:
        consent.ended_at = at
        consent.expires_at = None


# The ledger's statements need nothing the session holds back: what it knows of a locked consent is
# newer than the row, and written with the act (`record_many`).
_LAST_HASHES = (
    "SELECT consent_id, hash FROM consent_events WHERE (consent_id, seq) IN"
    " (SELECT * FROM unnest(%(consent_id)s::bigint[], %(seq)s::int[]))"
)


def _last_hashes(tx: Transaction, acts: Sequence[LedgerChange]) -> dict[int, bytes]:
    values = {
        "consent_id": [act.consent.id for act in acts],
        "seq": [act.consent.version for act in acts],
    }
    return dict(rows_unflushed(tx.session)(_LAST_HASHES, values))


# Columns as arrays: one short statement, and the driver writes no thousand-row VALUES.
_STORE = (
    "INSERT INTO consent_events (consent_id, seq, action, status, at, actor, facts, commitment,"
    " previous, hash) SELECT * FROM unnest(%(consent_id)s::bigint[], %(seq)s::int[],"
    " %(action)s::text[], %(status)s::text[], %(at)s::timestamptz[],"
    " %(actor)s::text[], %(facts)s::text[], %(commitment)s::bytea[],"
    " %(previous)s::bytea[], %(hash)s::bytea[]) RETURNING consent_id, id"
)
_STORE_EVIDENCE = (
    "INSERT INTO consent_evidence (event_id, salt, content) SELECT * FROM"
    " unnest(%(event_id)s::bigint[], %(salt)s::bytea[], %(content)s::text[]) RETURNING event_id"
)
_COLUMNS = tuple(field.name for field in fields(LedgerEntry))


def _store(tx: Transaction, entries: Sequence[LedgerEntry]) -> dict[int, int]:
    """Insert events, one for each consent; return their ids by consent id."""
    values = {name: [getattr(entry, name) for entry in entries] for name in _COLUMNS}
    values["hash"] = [entry_hash(entry) for entry in entries]
    return dict(rows_unflushed(tx.session)(_STORE, values))


def _store_evidence(tx: Transaction, evidence: Sequence[tuple[int, bytes, str]]) -> None:
    """Insert the evidence of events: ids, salts and contents."""
    if evidence:
        ids, salts, contents = map(list, zip(*evidence, strict=True))
        values = {"event_id": ids, "salt": salts, "content": contents}
        rows_unflushed(tx.session)(_STORE_EVIDENCE, values)


class ConsentRow(NamedTuple):
    """A consent as a statement returned it, for a change without the ORM."""

    id: int
    status: ConsentStatus
    version: int


# The row is changed only if it still is as it was read, so that it need not be locked before; its
# event follows from the change. The hash is that of `entry_hash`.
_CHANGE = """
WITH given AS (
  SELECT * FROM unnest(%(ids)s::bigint[], %(versions)s::int[], %(salts)s::bytea[])
    AS g (id, version, salt)),
changed AS (
  UPDATE consents c SET status = %(status)s, version = c.version + 1,
    confirmed_at = CASE WHEN %(confirmed)s THEN coalesce(c.confirmed_at, %(at)s)
      ELSE c.confirmed_at END,
    ended_at = CASE WHEN %(ended)s THEN coalesce(c.ended_at, %(at)s) ELSE c.ended_at END,
    expires_at = CASE WHEN %(confirmed)s AND c.confirmed_at IS NULL THEN NULL
      WHEN %(ended)s AND c.ended_at IS NULL THEN NULL ELSE c.expires_at END
  FROM given g WHERE c.id = g.id AND c.version = g.version AND c.status = %(was)s
  RETURNING c.id, c.version AS seq, g.salt),
chained AS MATERIALIZED (
  SELECT n.id, n.seq, n.salt, e.hash AS previous,
    sha256(n.salt || convert_to(%(evidence)s, 'UTF8')) AS commitment
  FROM changed n JOIN consent_events e ON e.consent_id = n.id AND e.seq = n.seq - 1),
written AS (
  INSERT INTO consent_events (consent_id, seq, action, status, at, actor, facts, commitment,
    previous, hash)
  SELECT id, seq, %(action)s, %(status)s, %(at)s, %(actor)s, %(facts)s, commitment, previous,
    sha256(convert_to(concat_ws(E'\\n', 'v1', id, seq, %(action)s, %(status)s, %(stamp)s, %(actor)s,
      %(facts)s, encode(commitment, 'hex'), encode(previous, 'hex')), 'UTF8'))
  FROM chained ORDER BY id
  RETURNING id, consent_id),
kept AS (
  INSERT INTO consent_evidence (event_id, salt, content)
  SELECT w.id, c.salt, %(evidence)s FROM written w JOIN chained c ON c.id = w.consent_id
  WHERE %(evidence)s <> '{}')
SELECT id FROM changed
"""
# A bind stands in several places; each says its type, or PostgreSQL deduces two of them.
_CHANGE_TYPES = {
    **dict.fromkeys(("status", "was", "action", "actor", "facts", "stamp", "evidence"), "text"),
    **dict.fromkeys(("confirmed", "ended"), "boolean"),
    "at": "timestamptz",
}
_CHANGE = re.sub(
    r"%\((\w+)\)s(?!::)",
    lambda bind: f"{bind[0]}::{_CHANGE_TYPES[bind[1]]}",
    _CHANGE,
)


def record_rows(
    tx: Transaction,
    rows: Rows,
    consents: Sequence[ConsentRow],
    action: ConsentAction,
    *,
    at: datetime,
    actor: str,
    facts: Mapping[str, Any],
    evidence: Mapping[str, Any],
) -> frozenset[int]:
    """Apply one action to consents of one status in one statement; return the ids it changed.

    A consent that another transaction has changed since it was read is left out: read it again.
    Lock several consents in the order of their ids before. Raises ForbiddenTransition if the status
    does not allow the action.
    """
    if not consents:
        return frozenset()
    was = consents[0].status
    status = next_status(was, action)
    changed = rows(
        _CHANGE,
        {
            "ids": [consent.id for consent in consents],
            "versions": [consent.version for consent in consents],
            "salts": [secrets.token_bytes(SALT_BYTES) for _ in consents],
            "was": was.value,
            "status": status.value,
            "confirmed": status is ConsentStatus.CONFIRMED,
            "ended": status in ENDED,
            "action": action.value,
            "at": at,
            "stamp": stamp(at),
            "actor": actor,
            "facts": canonical(facts),
            "evidence": canonical(evidence),
        },
    )
    tx.journaled |= action in JOURNALED
    return frozenset(number for (number,) in changed)
