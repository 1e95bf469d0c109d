"""Capture a consent: person, purpose, wording, time and origin are stored; no mail may be
sent yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import OPEN, ConsentAction, ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent, ConsentSource
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Notice, Purpose
from listmgr.subscribers.models import Subscriber


def open_consent(tx: Transaction, subscriber_id: int, purpose_id: int) -> Consent | None:
    """Return a person's open consent to a purpose, locked, or None."""
    return tx.session.scalars(
        sa.select(Consent)
        .where(
            Consent.subscriber_id == subscriber_id,
            Consent.purpose_id == purpose_id,
            Consent.status.in_(OPEN),
        )
        .with_for_update()
    ).one_or_none()


def capture(
    tx: Transaction,
    subscriber: Subscriber,
    notice: Notice,
    *,
    source: ConsentSource,
    at: datetime,
    actor: str,
    form_url: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> Consent:
    """Create a consent, or return the open one.

    Copies everything a proof needs, so that it can be exported after list, form and template are
    deleted (L-01, L-02).
    """
    existing = open_consent(tx, subscriber.id, notice.purpose_id)
    if existing is not None and not _was_never_shown(existing, source):
        return existing
    if existing is not None:
        # Its ledger tells of a file and of no words: the person's own act begins a life with both.
        followed = {"followed_by": source.value}
        record(tx, existing, ConsentAction.EXPIRE, at=at, actor="system", facts=followed)
    consent = begin(tx, subscriber.id, notice, source=source, at=at)
    tx.session.add(consent)
    tx.session.flush()
    facts = workflow(tx, notice, source, form_url)
    record(tx, consent, ConsentAction.CAPTURE, at=at, actor=actor, facts=facts, evidence=evidence)
    return consent


def _was_never_shown(existing: Consent, source: ConsentSource) -> bool:
    """Whether the open consent came from a file, and now the person signs up themselves."""
    return (
        existing.status is ConsentStatus.CAPTURED
        and existing.source is ConsentSource.IMPORT
        and source is not ConsentSource.IMPORT
    )


def begin(
    tx: Transaction, subscriber_id: int, notice: Notice, *, source: ConsentSource, at: datetime
) -> Consent:
    """Return the row of a new consent; add it to the session once its first event is written."""
    purpose = tx.session.get_one(Purpose, notice.purpose_id)
    return Consent(
        subscriber_id=subscriber_id,
        list_id=purpose.list_id,
        purpose_id=purpose.id,
        status=ConsentStatus.CAPTURED,
        version=1,
        notice_id=notice.id,
        notice_version=notice.version,
        language=notice.language,
        source=source,
        captured_at=at,
        expires_at=at + timedelta(days=tx.settings.confirm_days),
    )


def workflow(
    tx: Transaction, notice: Notice, source: ConsentSource, form_url: str
) -> dict[str, Any]:
    """Return a copy of what was shown and by whom, for the first event (L-01, L-02)."""
    purpose = tx.session.get_one(Purpose, notice.purpose_id)
    mailing_list = tx.session.get_one(MailingList, purpose.list_id)
    return {
        "list": mailing_list.name,
        "sender": f"{mailing_list.sender_name} <{mailing_list.sender_address}>",
        "controller": mailing_list.controller,
        "purpose": purpose.name(notice.language),
        "words": notice.words,
        "words_sha256": notice.sha256.hex(),
        "notice_version": notice.version,
        "privacy_url": mailing_list.privacy_url,
        "privacy_version": notice.privacy_version,
        "language": notice.language,
        "source": source.value,
        "form_url": form_url,
        **_how_it_was_said(source),
    }


def _how_it_was_said(source: ConsentSource) -> dict[str, str]:
    """Return how consent was given. For a card an operator states it; no checkbox was shown
    (L-25).
    """
    if source is ConsentSource.CARD:
        return {"asked": Method.OPERATOR_STATEMENT}
    return {"box_before": "unticked"}
