"""Pages of exports: request with a reason, watch, download."""

from __future__ import annotations

from flask import Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from listmgr.exports import downloads
from listmgr.exports.columns import offered
from listmgr.exports.formats import MEDIA_TYPES
from listmgr.exports.models import ExportFormat, ExportReason
from listmgr.exports.request import (
    ExportRequest,
    request_export,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right, may
from listmgr.web.language import language
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.subscribers.selection import (
    as_sent,
    back,
    check_count,
    choose_first,
    chosen,
    described,
    how_many,
)
from listmgr.web.studio.transactions import (
    form_values,
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate_error

# What is ticked at first: enough to write to people, and no more.
USUAL = frozenset({"email", "first_name", "last_name"})


@bp.get("/exports")
@requires(Right.SEE_SUBSCRIBERS)
def exports() -> str:
    """List the operator's exports; everybody's if they may read the audit log."""
    whose = None if may(current_operator().role, Right.SEE_AUDIT) else current_operator().id
    with read_only_transaction() as tx:
        page = downloads.exports(
            tx.session, operator_id=whose, below=parse_id(request.args.get("below"))
        )
        older = page[-1].id if len(page) == downloads.PAGE else None
        return render_template("studio/exports/all.html", exports=page, older_id=older)


@bp.get("/exports/new")
@requires(Right.EXPORT_SUBSCRIBERS)
def new_export() -> ResponseReturnValue:
    """Show the form: which file, and why."""
    if "scope" not in request.args:
        return choose_first()
    return _form(ExportRequest(format=ExportFormat.CSV), set(USUAL))


@bp.post("/exports/new")
@requires(Right.EXPORT_SUBSCRIBERS)
def ask_export() -> ResponseReturnValue:
    """Store an export; a worker writes the file."""
    wish, columns, who = (
        form_values(ExportRequest),
        request.form.getlist("columns"),
        current_operator(),
    )
    try:
        with write_transaction() as tx:
            people = chosen(tx.session)
            check_count(tx.session, people)
            export = request_export(
                tx, wish, columns, people, operator_id=who.id, role=who.role, at=now()
            )
            details = {"format": export.format, "columns": export.columns, "reason": export.reason}
            log_audit(tx, AuditAction.EXPORT_REQUESTED, export.id, **details)
    except InvalidInput as error:
        return _form(wish, set(columns), error.fields or {"format": str(error)}), 422
    return redirect(url_for("studio.export_page", export_id=export.id), 303)


@bp.get("/exports/<key:export_id>")
@requires(Right.SEE_SUBSCRIBERS)
def export_page(export_id: int) -> str:
    """Show one export: progress, and the file for the operator who requested it."""
    with read_only_transaction() as tx:
        export = downloads.find_export(tx.session, export_id)
        return render_template("studio/exports/one.html", export=export)


@bp.get("/exports/<key:export_id>/progress")
@requires(Right.SEE_SUBSCRIBERS)
def export_progress(export_id: int) -> str:
    """Return the part of the page that refreshes."""
    with read_only_transaction() as tx:
        export = downloads.find_export(tx.session, export_id)
        return render_template("studio/exports/progress.html", export=export)


@bp.get("/exports/<key:export_id>/file")
@requires(Right.EXPORT_SUBSCRIBERS, look=AuditAction.EXPORT_DOWNLOADED)
def export_file(export_id: int) -> ResponseReturnValue:
    """Download the file, by the operator who requested it and until it expires."""
    try:
        with read_only_transaction() as tx:
            export = downloads.fetchable(
                tx.session, export_id, operator_id=current_operator().id, at=now()
            )
    except Refused as error:
        flash(translate_error(error), "danger")
        return redirect(url_for("studio.export_page", export_id=export_id), 303)
    name = f"subscribers-{export.created_at:%Y-%m-%d}-{export.id}.{export.format}"
    octets = stream_with_context(downloads.pieces(read_only_transaction, export))
    answer = Response(octets, mimetype=MEDIA_TYPES[export.format])
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    answer.content_length = export.size
    return answer


@bp.post("/exports/<key:export_id>/cancel")
@requires(Right.EXPORT_SUBSCRIBERS)
def cancel_export(export_id: int) -> ResponseReturnValue:
    """Stop the export or delete its file now."""
    try:
        with write_transaction() as tx:
            downloads.cancel(tx, export_id, operator_id=current_operator().id)
            log_audit(tx, AuditAction.EXPORT_CANCELLED, export_id)
    except Refused as error:
        flash(translate_error(error), "danger")
    return redirect(url_for("studio.export_page", export_id=export_id), 303)


def _form(wish: ExportRequest, columns: set[str], errors: dict[str, str] | None = None) -> str:
    with read_only_transaction() as tx:
        people = chosen(tx.session)
        count = how_many(tx.session, people)
        return render_template(
            "studio/exports/new.html",
            wish=wish,
            ticked=columns,
            errors=errors or {},
            back=back(tx.session),
            count=count,
            count_sent=as_sent(count),
            whom=described(tx.session, people),
            offered=offered(tx.session, current_operator().role, language()),
            formats=list(ExportFormat),
            reasons=list(ExportReason),
        )
