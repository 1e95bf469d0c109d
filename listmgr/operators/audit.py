"""Record which operator did or viewed what, by id and without personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.transaction import Transaction
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import AuditEntry, Operator


def write_audit_entry(
    tx: Transaction,
    operator_id: int | None,
    action: AuditAction,
    subject_id: int | None = None,
    details: Mapping[str, Any] | None = None,
    *,
    at: datetime,
    subject: str | None = None,
) -> None:
    """Add one entry, which commits or rolls back with the action it records.

    `subject` defaults to the thing the action names. `details` must hold no personal data, since
    the log is kept after a person is erased.
    """
    tx.session.add(
        AuditEntry(
            at=at,
            operator_id=operator_id,
            action=action,
            subject=action.subject if subject is None else subject,
            subject_id=subject_id,
            details=dict(details or {}),
        )
    )


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry with the operator's present name."""

    entry: AuditEntry
    operator: str


def entries(
    session: Session,
    *,
    before: int | None = None,
    operator_id: int | None = None,
    limit: int = 100,
) -> list[AuditRow]:
    """Return the newest entries, or those below an id."""
    query = (
        sa.select(AuditEntry, Operator.name)
        .outerjoin(Operator, Operator.id == AuditEntry.operator_id)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if operator_id is not None:
        query = query.where(AuditEntry.operator_id == operator_id)
    return [AuditRow(entry, name or "") for entry, name in session.execute(query)]
