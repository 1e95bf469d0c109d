"""The page of a confirmation link: opening it shows a button, pressing that confirms (T-01,
T-02).
"""

from __future__ import annotations

from listmgr.consent.confirm import ConfirmationView, confirm, confirmation_view
from listmgr.consent.methods import Method
from listmgr.consent.refuse import refuse
from listmgr.context import (
    request_facts,
    services,
)
from listmgr.kit.clock import now
from listmgr.kit.rows import Rows, rows_of, rows_unflushed
from listmgr.web.public.blueprint import bp
from listmgr.web.public.layout import framed


@bp.get("/c/<token>")
@bp.get("/c/<token>/not-me")
def confirmation_page(token: str) -> str:
    """Show what the link is about; write nothing."""
    with services().rows() as rows:
        view = confirmation_view(rows, services().settings, token, now())
        return _page(rows, view, token)


@bp.post("/c/<token>")
def confirm_signup(token: str) -> str:
    """Confirm the sign-up."""
    with services().unit_of_work() as tx:
        view = confirm(tx, token, facts=request_facts(Method.CONFIRM_BUTTON), at=now())
        tx.session.flush()
        return _page(rows_unflushed(tx.session), view, token)


@bp.post("/c/<token>/not-me")
def refuse_signup(token: str) -> str:
    """Record that somebody else entered this address."""
    with services().unit_of_work() as tx:
        view = refuse(tx, token, facts=request_facts(Method.NOT_ME), at=now())
        return _page(rows_of(tx.session), view, token, refused=True)


def _page(rows: Rows, view: ConfirmationView, token: str, *, refused: bool = False) -> str:
    return framed(
        "confirm.html",
        rows,
        language=view.language,
        purpose_ids=view.purpose_ids,
        view=view,
        token=token,
        refused=refused,
    )
