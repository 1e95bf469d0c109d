"""Put all mailing on hold if the database may be another one, and resume it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.types.json import Jsonb

from listmgr.campaigns.control import NOT_THE_ONE_THAT_RAN
from listmgr.campaigns.models import PauseCause
from listmgr.kit.installation_state import (
    HoldReason,
    Installation,
)
from listmgr.kit.transaction import Transaction
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction

MAYBE_SENT = "the database may be a copy: this may have been sent already"

_STATEMENTS: tuple[tuple[str, dict[str, object]], ...] = (
    # Also what the program itself would resume, when the mail server answers again.
    (
        "UPDATE campaigns SET status = 'paused', pause_cause = %(cause)s,"
        " pause_reason = %(why)s, waits_until = NULL, waits_for = '' WHERE status = 'running'"
        " OR pause_cause = %(away)s",
        {
            "cause": PauseCause.INSTALLATION.value,
            "why": NOT_THE_ONE_THAT_RAN,
            "away": PauseCause.SERVER_AWAY.value,
        },
    ),
    # What waited when the copy was made may have gone since: it is never sent again blindly.
    (
        "UPDATE service_mails SET status = 'uncertain', last_error = %(why)s"
        " WHERE status IN ('queued', 'sending')",
        {"why": MAYBE_SENT},
    ),
    (
        "UPDATE card_replies SET status = 'uncertain', last_error = %(why)s"
        " WHERE status IN ('queued', 'sending')",
        {"why": MAYBE_SENT},
    ),
)


def hold(
    connection: psycopg.Connection[Any],
    reason: HoldReason,
    seen: tuple[int, int],
    *,
    lies: str,
) -> None:
    """Pause all mailing, in the transaction of a locked installation.

    `seen` is the generation and mark known outside; both are exceeded, so that every other host
    sees the database was checked.
    """
    connection.execute(
        "UPDATE installation SET generation = greatest(generation, %(generation)s) + 1,"
        " mark = greatest(mark, %(mark)s) + 1, marked_at = clock_timestamp(), place = %(lies)s,"
        " held_at = coalesce(held_at, clock_timestamp()),"
        " held_because = coalesce(held_because, %(reason)s), replayed = 0, replayed_at = NULL",
        {
            "generation": seen[0],
            "mark": seen[1],
            "lies": lies,
            "reason": reason.value,
        },
    )
    for statement, values in _STATEMENTS:
        connection.execute(statement, values)
    connection.execute(
        "INSERT INTO audit_entries (at, action, subject, details)"
        " VALUES (clock_timestamp(), 'installation.held', 'installation', %s)",
        (Jsonb({"because": reason.value}),),
    )


def go_on(tx: Transaction, operator_id: int | None, *, at: datetime) -> bool:
    """Resume mailing on an operator's decision; return False if it was not on hold.

    Campaigns stay paused: each is resumed individually.
    """
    row = tx.session.scalars(sa.select(Installation).with_for_update()).one_or_none()
    if row is None or row.held_at is None:
        return False
    because = row.held_because
    row.held_at = row.held_because = None
    details = {"because": because.value if because else ""}
    write_audit_entry(tx, operator_id, AuditAction.INSTALLATION_RELEASED, None, details, at=at)
    return True
