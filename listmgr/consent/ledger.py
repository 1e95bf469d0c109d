"""The only place that changes a consent: status and event are written together."""

from __future__ import annotations

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
)
from listmgr.consent.lifecycle import ENDED, ConsentAction, ConsentStatus, next_status
from listmgr.consent.models import Consent
from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.rows import rows_unflushed
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
