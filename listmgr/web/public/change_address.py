"""The page on which people change their address."""

from __future__ import annotations

from flask import request
from sqlalchemy.orm import Session

from listmgr.consent.change_address import (
    cancel_change,
    request_change,
    waiting_change,
)
from listmgr.consent.methods import Method
from listmgr.consent.preferences import preferences, subscriber_of
from listmgr.context import (
    request_facts,
    services,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import DomainError
from listmgr.kit.rows import rows_of
from listmgr.subscribers.models import Subscriber
from listmgr.web.public.blueprint import bp
from listmgr.web.public.layout import framed


@bp.get("/p/<token>/address")
def address_change_page(token: str) -> str:
    """Show the open change and a field for another address."""
    with services().reading() as tx:
        return _page(tx.session, token)


@bp.post("/p/<token>/address")
def confirm_address_change(token: str) -> str:
    """Store the request. The answer is the same whether or not the new address is known (T-11)."""
    typed = request.form.get("address", "").strip()
    facts = request_facts(Method.ADDRESS_CHANGE_PAGE)
    try:
        with services().unit_of_work() as tx:
            person_id = _person_id(tx.session, token)
            if person_id:
                request_change(tx, person_id, typed, facts=facts, actor="subscriber", at=now())
    except DomainError as error:
        with services().unit_of_work() as tx:
            return _page(tx.session, token, problem=str(error), typed=typed)
    with services().unit_of_work() as tx:
        return _page(tx.session, token, said="asked")


@bp.post("/p/<token>/address/cancel")
def cancel_address_change(token: str) -> str:
    """Cancel the request."""
    with services().unit_of_work() as tx:
        cancel_change(tx, _person_id(tx.session, token), actor="subscriber", at=now())
        return _page(tx.session, token, said="cancelled")


def _person_id(session: Session, token: str) -> int:
    """Return the id of the link's owner, or 0 if they were erased. Raises TokenInvalid for a forged
    link.
    """
    person_id = subscriber_of(services().settings, token)
    return person_id if session.get(Subscriber, person_id) else 0


def _page(
    session: Session, token: str, *, problem: str = "", typed: str = "", said: str = ""
) -> str:
    rows = rows_of(session)
    view = preferences(rows, services().settings, token)
    return framed(
        "moving.html",
        rows,
        language=view.language,
        purpose_ids=[row.purpose_id for row in view.rows],
        view=view,
        token=token,
        waiting=waiting_change(session, subscriber_of(services().settings, token)),
        problem=problem,
        typed=typed,
        said=said,
    )
