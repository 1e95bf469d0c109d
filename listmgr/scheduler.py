"""Rings what is due, once however many copies run: each task is claimed by its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.queue import Job


@dataclass(frozen=True, slots=True)
class Task:
    """A job that is rung at an interval."""

    every: timedelta
    job: Job


TASKS: Mapping[str, Task] = {
    "sweep_signups": Task(
        timedelta(seconds=15), Job("sweep_signups", queue="mail", key="sweep-signups")
    ),
    "sweep_questions": Task(
        timedelta(seconds=15), Job("sweep_questions", queue="mail", key="sweep-questions")
    ),
    "sweep_campaigns": Task(
        timedelta(seconds=2), Job("sweep_campaigns", queue="mail", key="sweep-campaigns")
    ),
    "sweep_address_changes": Task(
        timedelta(minutes=1),
        Job("sweep_address_changes", queue="mail", key="sweep-address-changes"),
    ),
    "sweep_imports": Task(timedelta(seconds=5), Job("sweep_imports", key="sweep-imports")),
    "purge_imports": Task(timedelta(hours=1), Job("purge_imports", key="purge-imports")),
    "expire_consents": Task(timedelta(minutes=5), Job("expire_consents", key="expire-consents")),
    "tidy_search": Task(timedelta(seconds=15), Job("tidy_search", key="tidy-search")),
    "sweep_cards": Task(timedelta(seconds=15), Job("sweep_cards", queue="mail", key="sweep-cards")),
    "tidy_cards": Task(timedelta(minutes=5), Job("tidy_cards", key="tidy-cards")),
    "clear_fields": Task(timedelta(days=1), Job("clear_fields", key="clear-fields", timeout=3600)),
    "note_uses": Task(timedelta(minutes=1), Job("note_uses", key="note-uses")),
    "drop_deliveries": Task(timedelta(days=1), Job("drop_deliveries", key="drop-deliveries")),
    "anchor_ledger": Task(timedelta(minutes=10), Job("anchor_ledger", key="anchor-ledger")),
    "sweep_many": Task(timedelta(seconds=15), Job("sweep_many", key="sweep-many")),
    "purge_many": Task(timedelta(minutes=10), Job("purge_many", key="purge-many")),
    "keep_erasures": Task(timedelta(minutes=5), Job("keep_erasures", key="keep-erasures")),
}


def claim_due(session: Session, at: datetime) -> list[Task]:
    """The tasks that are due, claimed for the caller until the commit and moved on from then."""
    session.execute(
        sa.text(
            "INSERT INTO scheduled_tasks (name, next_run_at)"
            " SELECT unnest(CAST(:names AS text[])), :at ON CONFLICT DO NOTHING"
        ),
        {"names": list(TASKS), "at": at},
    )
    due = session.scalars(
        sa.text(
            "SELECT name FROM scheduled_tasks WHERE next_run_at <= :at AND name = ANY(:names)"
            " ORDER BY next_run_at FOR UPDATE SKIP LOCKED"
        ),
        {"at": at, "names": list(TASKS)},
    ).all()
    for name in due:
        session.execute(
            sa.text("UPDATE scheduled_tasks SET next_run_at = :next WHERE name = :name"),
            {"name": name, "next": at + TASKS[name].every},
        )
    return [TASKS[name] for name in due]
