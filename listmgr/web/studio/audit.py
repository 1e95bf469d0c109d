"""The audit log: which operator did or viewed what."""

from __future__ import annotations

from flask import render_template, request

from listmgr.operators.accounts import operators
from listmgr.operators.audit import entries
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import (
    parse_id,
    read_only_transaction,
)

PAGE = 100


@bp.get("/audit")
@requires(Right.SEE_AUDIT)
def audit() -> str:
    """Show a page of the log, newest first, of everybody or one operator."""
    who, below = (parse_id(request.args.get(name)) for name in ("operator", "below"))
    with read_only_transaction() as tx:
        rows = entries(tx.session, before=below, operator_id=who, limit=PAGE + 1)
        people = operators(tx.session)
    older = rows[PAGE - 1].entry.id if len(rows) > PAGE else None
    return render_template(
        "studio/audit.html", rows=rows[:PAGE], older_id=older, who=who, people=people
    )
