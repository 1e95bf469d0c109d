"""Writes the ledger: every change of a consent and its event are one act, here and nowhere else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from listmgr.consent.hash_chain import (
    GENESIS,
    SALT_BYTES,
    LedgerEntry,
    canonical,
    commit_to,
    entry_hash,
)
from listmgr.consent.lifecycle import ENDED, ConsentAction, ConsentStatus, next_status
from listmgr.consent.models import Consent, ConsentEvent, ConsentEvidence
from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction

# A trigger writes these into the journal.
JOURNALED = frozenset({ConsentAction.WITHDRAW, ConsentAction.REFUSE})


def lock_consent(tx: Transaction, consent_id: int) -> Consent:
    """The consent, locked for change until the commit; raises NotFound."""
    consent = tx.session.get(Consent, consent_id, with_for_update=True, populate_existing=True)
    if consent is None:
        raise NotFound(N_("There is no such consent."))
    return consent


class LedgerChange(NamedTuple):
    """What happens to one locked consent, and when.

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
    """Move a locked consent by an act and write the act down; see `record_changes`."""
    record_changes(tx, [LedgerChange(consent, at, facts, evidence)], action, actor=actor)


def record_changes(
    tx: Transaction, acts: Sequence[LedgerChange], action: ConsentAction, *, actor: str
) -> None:
    """Move many different consents by one kind of act, in a few statements however many they are.

    Raises ForbiddenTransition when the act is not possible at the station of one of them.
    """
    if not acts:
        return
    first = action is ConsentAction.CAPTURE
    before = {} if first else _last_hashes(tx, acts)
    written = [
        _entry(act, action, actor, GENESIS if first else before[act.consent.id]) for act in acts
    ]
    ids = _store(tx, [entry for entry, _, _ in written])
    evidence = [
        {"event_id": ids[act.consent.id], "salt": salt, "content": content}
        for act, (_, salt, content) in zip(acts, written, strict=True)
        if act.evidence
    ]
    if evidence:
        tx.session.execute(sa.insert(ConsentEvidence), evidence)
    tx.journaled |= action in JOURNALED
    for act, (entry, _, _) in zip(acts, written, strict=True):
        _move(act.consent, ConsentStatus(entry.status), entry.seq, act.at)
    tx.session.flush()


def _entry(
    act: LedgerChange, action: ConsentAction, actor: str, previous: bytes
) -> tuple[LedgerEntry, bytes, str]:
    """The event of one act, with the salt and the text its commitment is made of."""
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


def _last_hashes(tx: Transaction, acts: Sequence[LedgerChange]) -> dict[int, bytes]:
    rows = tx.session.execute(
        sa.select(ConsentEvent.consent_id, ConsentEvent.hash)
        .join(Consent, Consent.id == ConsentEvent.consent_id)
        .where(
            ConsentEvent.consent_id.in_([act.consent.id for act in acts]),
            ConsentEvent.seq == Consent.version,
        )
    )
    return {row.consent_id: row.hash for row in rows}


# Columns as arrays: one short statement, and the driver writes no thousand-row VALUES.
_STORE = sa.text(
    "INSERT INTO consent_events (consent_id, seq, action, status, at, actor, facts, commitment,"
    " previous, hash) SELECT * FROM unnest(CAST(:consent_id AS bigint[]), CAST(:seq AS int[]),"
    " CAST(:action AS text[]), CAST(:status AS text[]), CAST(:at AS timestamptz[]),"
    " CAST(:actor AS text[]), CAST(:facts AS text[]), CAST(:commitment AS bytea[]),"
    " CAST(:previous AS bytea[]), CAST(:hash AS bytea[])) RETURNING consent_id, id"
)
_COLUMNS = tuple(field.name for field in fields(LedgerEntry))


def _store(tx: Transaction, entries: Sequence[LedgerEntry]) -> dict[int, int]:
    """Write events, one of each consent; returns their ids by the consents'."""
    values = {name: [getattr(entry, name) for entry in entries] for name in _COLUMNS}
    values["hash"] = [entry_hash(entry) for entry in entries]
    return {row.consent_id: row.id for row in tx.session.execute(_STORE, values)}
