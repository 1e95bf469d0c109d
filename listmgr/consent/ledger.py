"""Writes the ledger: every change of a consent and its event are one act, here and nowhere else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from listmgr.consent.evidence import GENESIS, LedgerEntry, canonical, commit_to, entry_hash
from listmgr.consent.lifecycle import ENDED, ConsentAction, ConsentStatus, next_status
from listmgr.consent.models import Consent, ConsentEvent, ConsentEvidence
from listmgr.kit.errors import NotFound
from listmgr.kit.transaction import Transaction

SALT_BYTES = 16


def lock_consent(tx: Transaction, consent_id: int) -> Consent:
    """The consent, locked for change until the commit; raises NotFound."""
    consent = tx.session.get(Consent, consent_id, with_for_update=True, populate_existing=True)
    if consent is None:
        raise NotFound("There is no such consent.")
    return consent


def record(
    tx: Transaction,
    consent: Consent,
    action: ConsentAction,
    *,
    at: datetime,
    actor: str,
    facts: Mapping[str, Any] | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> ConsentEvent:
    """Move a locked consent by an act and write the act down.

    `facts` must not be personal and stay for ever; `evidence` is personal and can be erased.
    Raises ForbiddenTransition when the act is not possible at the consent's station.
    """
    first = action is ConsentAction.CAPTURE
    status = next_status(None if first else consent.status, action)
    salt = secrets.token_bytes(SALT_BYTES)
    content = canonical(evidence or {})
    entry = LedgerEntry(
        consent_id=consent.id,
        seq=1 if first else consent.version + 1,
        action=action.value,
        status=status.value,
        at=at,
        actor=actor,
        facts=canonical(facts or {}),
        commitment=commit_to(salt, content),
        previous=GENESIS if first else _last_hash(tx, consent),
    )
    event = _store(tx, entry)
    if evidence:
        tx.session.add(ConsentEvidence(event_id=event.id, salt=salt, content=content))
    _move(consent, status, entry.seq, at)
    tx.session.flush()
    return event


def _move(consent: Consent, status: ConsentStatus, version: int, at: datetime) -> None:
    consent.status = status
    consent.version = version
    if status is ConsentStatus.CONFIRMED and consent.confirmed_at is None:
        consent.confirmed_at = at
        consent.expires_at = None
    if status in ENDED and consent.ended_at is None:
        consent.ended_at = at
        consent.expires_at = None


def _last_hash(tx: Transaction, consent: Consent) -> bytes:
    return tx.session.scalars(
        sa.select(ConsentEvent.hash).where(
            ConsentEvent.consent_id == consent.id, ConsentEvent.seq == consent.version
        )
    ).one()


def _store(tx: Transaction, entry: LedgerEntry) -> ConsentEvent:
    event = ConsentEvent(
        consent_id=entry.consent_id,
        seq=entry.seq,
        action=ConsentAction(entry.action),
        status=ConsentStatus(entry.status),
        at=entry.at,
        actor=entry.actor,
        facts=entry.facts,
        commitment=entry.commitment,
        previous=entry.previous,
        hash=entry_hash(entry),
    )
    tx.session.add(event)
    tx.session.flush()
    return event
