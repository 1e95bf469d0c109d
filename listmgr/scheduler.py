"""The scheduler: queues periodic jobs if a cheap query in this process finds work for them.

Each task is independent: its query, its claim and its queueing. A task's error is logged once,
retried at growing intervals, and does not affect the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from listmgr.kit.queue import Job
from listmgr.kit.throttled_log import ThrottledLog

# Seconds between two tries of a task that fails, at most.
LONGEST_WAIT = 60.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """A job queued at an interval if `look` finds work for it.

    `look` is one statement over an index. With `by_change` there is work if its answer differs from
    the last one.
    """

    every: timedelta
    job: Job
    look: str = ""
    by_change: bool = False


def _waits(table: str, where: str) -> str:
    return f"SELECT EXISTS (SELECT FROM {table} WHERE {where})"


# A mail that was rung for a moment ago needs no other ring.
_SILENT = "now() - interval '5 seconds'"
_SERVICE_MAILS = (
    "SELECT EXISTS (SELECT FROM service_mails WHERE status = 'queued'"
    f" AND (sent_at IS NULL AND created_at < {_SILENT} OR sent_at"
    " + make_interval(mins => least(attempts * attempts, 60)::int) <= now()"
    " OR created_at < now() - interval '2 days')"
    " OR status = 'sending' AND sent_at < now() - interval '10 minutes')"
    # Over a limit: whether there is room now is for the sweep to see.
    " OR EXISTS (SELECT FROM service_mails WHERE status = 'waiting')"
)
_LETTERS = (
    f"status = 'queued' AND (tried_at IS NULL AND created_at < {_SILENT}"
    " OR tried_at < now() - interval '5 minutes')"
    " OR status = 'sending' AND tried_at < now() - interval '10 minutes'"
)
_RUNNING = "status = 'running' AND (waits_until IS NULL OR waits_until <= now())"
# Rows left half done are settled after minutes; a mail server that is away is asked again.
_RESTING = "status IN ('running', 'paused') OR finished_at > now() - interval '1 day'"
_CHANGES = "status = 'received' OR status = 'asked' AND asked_at < now() - interval '1 day'"
_IMPORTS = (
    "status IN ('checking', 'running') AND (lease_until IS NULL OR lease_until < now())"
    " OR EXISTS (SELECT FROM import_erasures)"
)
# Counted by the server itself: nobody has to read what has changed.
_SEARCHED = (
    "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0) FROM pg_stat_user_tables"
    " WHERE relname IN ('subscribers', 'consent_moves')"
)
_SEALED = "id > (SELECT coalesce(max(last_event_id), 0) FROM ledger_anchors)"
_MANY = (
    "SELECT EXISTS (SELECT FROM bulk_acts WHERE status IN ('gathering', 'running', 'undoing'))"
    " OR EXISTS (SELECT FROM exports WHERE status IN ('gathering', 'writing'))"
)
_CARDS = (
    "SELECT EXISTS (SELECT FROM card_uploads WHERE status = 'waiting'"
    " AND created_at < now() - interval '30 seconds')"
    f" OR EXISTS (SELECT FROM card_replies WHERE {_LETTERS})"
)
_sweep_campaigns = Job("sweep_campaigns", queue="mail", key="sweep-campaigns")

TASKS: Mapping[str, Task] = {
    "sweep_signups": Task(
        timedelta(seconds=15),
        Job("sweep_signups", queue="mail", key="sweep-signups"),
        _waits("signups", f"received_at < {_SILENT}"),
    ),
    "sweep_service_mails": Task(
        timedelta(seconds=15),
        Job("sweep_service_mails", queue="mail", key="sweep-service-mails"),
        _SERVICE_MAILS,
    ),
    "sweep_campaigns": Task(timedelta(seconds=2), _sweep_campaigns, _waits("campaigns", _RUNNING)),
    "sweep_resting_campaigns": Task(
        timedelta(seconds=15), _sweep_campaigns, _waits("campaigns", _RESTING)
    ),
    "sweep_address_changes": Task(
        timedelta(minutes=1),
        Job("sweep_address_changes", queue="mail", key="sweep-address-changes"),
        _waits("address_changes", _CHANGES),
    ),
    "sweep_imports": Task(
        timedelta(seconds=5),
        Job("sweep_imports", key="sweep-imports"),
        _waits("imports", _IMPORTS),
    ),
    "purge_imports": Task(timedelta(hours=1), Job("purge_imports", key="purge-imports")),
    "expire_consents": Task(timedelta(minutes=5), Job("expire_consents", key="expire-consents")),
    "tidy_search": Task(
        timedelta(seconds=15), Job("tidy_search", key="tidy-search"), _SEARCHED, by_change=True
    ),
    "sweep_cards": Task(
        timedelta(seconds=15), Job("sweep_cards", queue="mail", key="sweep-cards"), _CARDS
    ),
    "tidy_cards": Task(timedelta(minutes=5), Job("tidy_cards", key="tidy-cards")),
    "clear_fields": Task(timedelta(days=1), Job("clear_fields", key="clear-fields", timeout=3600)),
    "note_uses": Task(
        timedelta(minutes=1),
        Job("note_uses", key="note-uses"),
        _waits("campaign_leases", "state = 'done' AND NOT noted"),
    ),
    "drop_deliveries": Task(timedelta(days=1), Job("drop_deliveries", key="drop-deliveries")),
    "anchor_ledger": Task(
        timedelta(minutes=10),
        Job("anchor_ledger", key="anchor-ledger"),
        _waits("consent_events", _SEALED),
    ),
    "sweep_many": Task(timedelta(seconds=15), Job("sweep_many", key="sweep-many"), _MANY),
    "purge_many": Task(timedelta(minutes=10), Job("purge_many", key="purge-many")),
    "keep_journal": Task(timedelta(minutes=1), Job("keep_journal", key="keep-journal")),
}

# Of several schedulers one claims a task, by the database's clock.
_CLAIM = sa.text(
    "INSERT INTO scheduled_tasks AS t (name, next_run_at) VALUES (:name, now() + :every)"
    " ON CONFLICT (name) DO UPDATE SET next_run_at = excluded.next_run_at"
    " WHERE t.next_run_at <= now() RETURNING name"
)


@dataclass(slots=True)
class _TaskState:
    """When a task is checked next (monotonic), its last result, and its delay after a failure."""

    next_at: float = 0.0
    answer: object = None
    wait: float = 0.0


@dataclass(slots=True)
class Scheduler:
    """One of several instances; `ring` queues jobs and never raises."""

    engine: sa.Engine
    ring: Callable[[list[Job]], object]
    tasks: Mapping[str, Task] = field(default_factory=lambda: TASKS)
    _courses: dict[str, _TaskState] = field(default_factory=dict)
    _trouble: ThrottledLog = field(default_factory=lambda: ThrottledLog(log))

    def turn(self) -> None:
        """Queue what is due. Never raises for a task's failure."""
        for name, task in self.tasks.items():
            course = self._courses.setdefault(name, _TaskState())
            if time.monotonic() < course.next_at:
                continue
            try:
                with self.engine.connect() as connection:
                    due = self._is_due(connection, name, task, course)
                if due:
                    self.ring([task.job])
            except Exception as error:  # noqa: BLE001 - each stands alone
                course.wait = min(LONGEST_WAIT, max(1.0, course.wait * 2))
                self._trouble.log(name, error, f"{name} is not rung, trying again")
                if isinstance(error, sa.exc.OperationalError):
                    # The server is away: the others would only wait for it one after the other.
                    course.next_at = time.monotonic() + min(5.0, course.wait)
                    return
            else:
                course.wait = 0.0
                self._trouble.end(name)
            every = min(task.every.total_seconds(), LONGEST_WAIT)
            course.next_at = time.monotonic() + max(every, course.wait)

    def _is_due(self, connection: sa.Connection, name: str, task: Task, course: _TaskState) -> bool:
        answer: object = None
        if task.look:
            answer = connection.execute(sa.text(task.look)).scalar()
            if answer == course.answer if task.by_change else not answer:
                return False
        claimed = connection.execute(_CLAIM, {"name": name, "every": task.every}).first()
        course.answer = answer
        return claimed is not None
