"""Pages of mass updates: choose the action, preview, start, watch, undo."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from listmgr.bulk import control
from listmgr.bulk.lifecycle import BulkDeed
from listmgr.bulk.models import BulkAct
from listmgr.bulk.prepare import BulkRequest, kinds_for, prepare, settable_fields
from listmgr.bulk.preview import sample
from listmgr.consent.staff_requests import REQUEST_CHANNELS
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.transaction import Transaction
from listmgr.lists.purposes import open_purposes
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    catalogue,
)
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.subscribers.selection import (
    as_sent,
    back,
    changed_count,
    check_count,
    choose_first,
    chosen,
    described,
    described_selection,
    how_many,
)
from listmgr.web.studio.transactions import (
    form_values,
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import (
    translate,
    translate_error,
)


@bp.get("/bulk")
@requires(Right.SEE_SUBSCRIBERS)
def bulk_acts() -> str:
    """List the mass updates, newest first."""
    with read_only_transaction() as tx:
        acts = control.acts(tx.session, below=parse_id(request.args.get("below")))
        older = acts[-1].id if len(acts) == control.PAGE else None
        return render_template(
            "studio/bulk/all.html", acts=acts, older_id=older, **_shown(tx.session)
        )


@bp.get("/bulk/new")
@requires(Right.EDIT_SUBSCRIBERS)
def new_bulk() -> ResponseReturnValue:
    """Show what can be done with the chosen people."""
    if "scope" not in request.args:
        return choose_first()
    return _form(BulkRequest())


@bp.post("/bulk/new")
@requires(Right.EDIT_SUBSCRIBERS)
def prepare_bulk() -> ResponseReturnValue:
    """Store a mass update; nothing changes before it is started."""
    asked, who = form_values(BulkRequest), current_operator()
    try:
        with write_transaction() as tx:
            people = chosen(tx.session)
            check_count(tx.session, people)
            act = prepare(tx, asked, people, operator_id=who.id, role=who.role, at=now())
            log_audit(tx, AuditAction.BULK_ACTION_PREPARED, act.id, kind=act.kind, field=act.field)
    except InvalidInput as error:
        return _form(asked, error.fields or {"kind": str(error)}), 422
    return redirect(url_for("studio.bulk_page", act_id=act.id), 303)


@bp.get("/bulk/<key:act_id>")
@requires(Right.SEE_SUBSCRIBERS, look=AuditAction.BULK_ACTION_VIEWED)
def bulk_page(act_id: int) -> str:
    """Show one mass update: preview, progress, result."""
    with read_only_transaction() as tx:
        act = control.find_act(tx.session, act_id)
        return render_template(
            "studio/bulk/one.html",
            act=act,
            whom=described_selection(tx.session, act.selection),
            sample=sample(tx.session, act, current_operator().role),
            can_undo=control.can_undo(act, now()),
            may_act=act.kind in kinds_for(current_operator().role),
            **_shown(tx.session),
        )


@bp.get("/bulk/<key:act_id>/progress")
@requires(Right.SEE_SUBSCRIBERS)
def bulk_progress(act_id: int) -> str:
    """Return the part of the page that refreshes."""
    with read_only_transaction() as tx:
        act = control.find_act(tx.session, act_id)
        return render_template("studio/bulk/progress.html", act=act)


_AUDITED = {
    BulkDeed.START: AuditAction.BULK_ACTION_STARTED,
    BulkDeed.PAUSE: AuditAction.BULK_ACTION_PAUSED,
    BulkDeed.RESUME: AuditAction.BULK_ACTION_RESUMED,
    BulkDeed.CANCEL: AuditAction.BULK_ACTION_CANCELLED,
    BulkDeed.UNDO: AuditAction.BULK_ACTION_UNDO_STARTED,
}


@bp.post("/bulk/<key:act_id>/<any(start, pause, resume, cancel, undo):deed>")
@requires(Right.EDIT_SUBSCRIBERS)
def steer_bulk(act_id: int, deed: str) -> ResponseReturnValue:
    """Start, pause, resume, cancel or undo."""
    try:
        with write_transaction() as tx:
            if deed == BulkDeed.START and (changed := _changed(tx, act_id)):
                flash(translate(changed), "danger")
                return redirect(url_for("studio.bulk_page", act_id=act_id), 303)
            act = control.steer(tx, act_id, BulkDeed(deed), role=current_operator().role, at=now())
            log_audit(tx, _AUDITED[BulkDeed(deed)], act_id, kind=act.kind, people=act.people)
    except Refused as error:
        flash(translate_error(error), "danger")
    return redirect(url_for("studio.bulk_page", act_id=act_id), 303)


def _changed(tx: Transaction, act_id: int) -> str:
    """Return the message if the number of people differs from the one the page showed."""
    number, sent_number = control.recount(tx, act_id), request.form.get("count", "")
    return "" if sent_number == str(number) else changed_count(sent_number, number)


def _form(asked: BulkRequest, errors: dict[str, str] | None = None) -> str:
    with read_only_transaction() as tx:
        people = chosen(tx.session)
        count = how_many(tx.session, people)
        return render_template(
            "studio/bulk/new.html",
            asked=asked,
            errors=errors or {},
            back=back(tx.session),
            count=count,
            count_sent=as_sent(count),
            whom=described(tx.session, people),
            kinds=kinds_for(current_operator().role),
            settable=settable_fields(tx.session, current_operator().role),
            purposes=open_purposes(tx.session),
            ways=REQUEST_CHANNELS,
        )


def _shown(session: Session) -> dict[str, object]:
    """Return the template's values: the labels of fields by key."""
    fields: dict[str, CatalogueField] = {field.key: field for field in catalogue(session)}
    return {"fields": fields, "is_undoable": _undoable}


def _undoable(act: BulkAct) -> bool:
    return control.can_undo(act, now())
