"""Preview a mass update for some of the chosen people: before and after."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.bulk.actions import (
    BulkKind,
    change_of,
    verdict_of,
)
from listmgr.bulk.apply import binds_of
from listmgr.bulk.models import BulkAct
from listmgr.operators.models import Role
from listmgr.operators.roles import Right, may
from listmgr.selections.freeze import chunk_ids

SAMPLE = 10


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One person: the outcome and the current value."""

    subscriber_id: int
    address: str
    verdict: str
    now: str


def sample(session: Session, act: BulkAct, role: Role) -> list[PreviewRow]:
    """Return the first of the chosen people if the role may see people, else nothing."""
    if act.selection_id is None or not may(role, Right.SEE_SUBSCRIBERS):
        return []
    ids = chunk_ids(session, act.selection_id, 0)
    people = session.execute(
        sa.text(
            f"SELECT s.id, s.address, {verdict_of(act.kind, act.field)}, {_now(act)}"
            " FROM subscribers s WHERE s.id = ANY(:ids) ORDER BY s.id LIMIT :sample"
        ),
        {"ids": ids, "sample": SAMPLE, **binds_of(act)},
    )
    return [PreviewRow(*row) for row in people]


def _now(act: BulkAct) -> str:
    """Return the current value as text."""
    if act.kind in {BulkKind.ADD_TAGS, BulkKind.REMOVE_TAGS}:
        return "array_to_string(s.tags, ', ')"
    change = change_of(act.kind, act.field)
    keeps = change is not None and act.kind is not BulkKind.RESTRICT
    return f"({change.before} #>> '{{}}')" if change is not None and keeps else "''"
