"""Pages of subscribers: search, history, requests they made to staff."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.cards.inbox import cards_of
from listmgr.cards.search import (
    FoundCard,
    find_by_address,
)
from listmgr.consent import (
    change_address,
    merge_subscribers,
    staff_requests,
)
from listmgr.consent.history import histories
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.delivery.reports.activity import activity
from listmgr.kit.clock import now
from listmgr.lists import edit
from listmgr.operators.accounts import operators
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right, may
from listmgr.search import results
from listmgr.subscribers import restriction
from listmgr.subscribers.field_assignment import value_of
from listmgr.subscribers.field_catalogue import visible_fields
from listmgr.suppression.register import is_suppressed
from listmgr.web.language import language
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.subscribers.search_form import asked
from listmgr.web.studio.subscribers.selection import found_by
from listmgr.web.studio.transactions import (
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)


@bp.get("/subscribers")
@requires(Right.SEE_SUBSCRIBERS)
def subscribers() -> str:
    """List people, newest first."""
    below, above = (parse_id(request.args.get(name)) for name in ("below", "above"))
    with read_only_transaction() as tx:
        search = asked(tx.session)
        page = results.find_page(tx.session, search.query, below=below, above=above)
        return render_template(
            "studio/subscribers/all.html",
            asked=search,
            page=page,
            cards=_cards(tx.session, search.query.query),
            count=found_by(tx.session, search.query, page.total),
            lists=edit.lists(tx.session),
            fields=visible_fields(tx.session, current_operator().role),
            tags=results.known_tags(tx.session),
            stations=list(ConsentStatus),
            sources=list(ConsentSource),
        )


def _cards(session: Session, query: str) -> list[FoundCard]:
    """Return business cards with the searched address, since a card alone makes no subscriber."""
    return (
        find_by_address(session, query)
        if may(current_operator().role, Right.SEE_TEAM_CARDS)
        else []
    )


@bp.get("/subscribers/<key:subscriber_id>")
@requires(Right.SEE_SUBSCRIBERS, look=AuditAction.SUBSCRIBER_VIEWED)
def subscriber_page(subscriber_id: int) -> str:
    """Show one person with every consent and its history."""
    with read_only_transaction() as tx:
        person = results.find_subscriber(tx.session, subscriber_id)
        joined = merge_subscribers.joined_to(tx.session, subscriber_id)
        consents = histories(tx.session, [person, *joined], language())
        return render_template(
            "studio/subscribers/one.html",
            person=person,
            joined=joined,
            fields=visible_fields(tx.session, current_operator().role),
            value_of=value_of,
            spoken=language(),
            namesakes=merge_subscribers.namesakes(tx.session, person),
            waiting=change_address.waiting_change(tx.session, subscriber_id),
            consents=consents,
            happenings=activity(tx.session, [person, *joined], consents),
            suppressed=is_suppressed(tx, person.fingerprint),
            staff={f"operator:{operator.id}": operator.name for operator in operators(tx.session)},
            ways=staff_requests.REQUEST_CHANNELS,
            cards=cards_of(tx.session, person.address_key),
            told=restriction.WAYS_TO_INFORM,
        )


@bp.post("/subscribers/<key:subscriber_id>/consents/<key:consent_id>/withdraw")
@requires(Right.RECORD_WITHDRAWALS)
def withdraw(subscriber_id: int, consent_id: int) -> ResponseReturnValue:
    """Record that the person asked staff to unsubscribe them."""
    how, actor = request.form.get("how", ""), f"operator:{current_operator().id}"
    with write_transaction() as tx:
        staff_requests.record_withdrawal_request(
            tx, subscriber_id, consent_id, how=how, actor=actor, at=now()
        )
        log_audit(tx, AuditAction.CONSENT_WITHDRAWN, consent_id, method=how)
    flash(_("Unsubscribed. From now on this person gets no mail of this kind."))
    return redirect(url_for("studio.subscriber_page", subscriber_id=subscriber_id), 303)


@bp.post("/subscribers/<key:subscriber_id>/object")
@requires(Right.RECORD_WITHDRAWALS)
def record_objection(subscriber_id: int) -> ResponseReturnValue:
    """Record that the person told staff they want no mail at all."""
    how, actor = request.form.get("how", ""), f"operator:{current_operator().id}"
    with write_transaction() as tx:
        ended = staff_requests.record_objection(tx, subscriber_id, how=how, actor=actor, at=now())
        log_audit(tx, AuditAction.SUBSCRIBER_OBJECTED, subscriber_id, method=how, ended=ended)
    flash(_("Recorded. No marketing mail goes to this address any more."))
    return redirect(url_for("studio.subscriber_page", subscriber_id=subscriber_id), 303)
