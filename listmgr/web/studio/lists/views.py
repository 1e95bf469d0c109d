"""Pages of mailing lists: create, view, edit, archive, restore."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.consent import consent_statistics
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.languages import LANGUAGES
from listmgr.lists import edit
from listmgr.lists.edit import Description
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.filters import language_name
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import (
    form_values,
    log_audit,
    read_only_transaction,
    write_transaction,
)


@bp.get("/lists")
@requires(Right.SEE_LISTS)
def lists() -> str:
    """List all mailing lists."""
    with read_only_transaction() as tx:
        return render_template(
            "studio/lists/all.html",
            lists=edit.lists(tx.session),
            confirmed=consent_statistics.purposes_confirmed(tx.session),
        )


@bp.get("/lists/<key:list_id>")
@requires(Right.SEE_LISTS)
def list_page(list_id: int) -> str:
    """Show one list with its purposes and their number of subscribers."""
    with read_only_transaction() as tx:
        return render_template(
            "studio/lists/one.html",
            mailing_list=edit.find_list(tx.session, list_id),
            confirmed=consent_statistics.purposes_confirmed(tx.session),
            stations=consent_statistics.stations(tx.session, list_id=list_id),
        )


@bp.get("/lists/new")
@requires(Right.EDIT_LISTS)
def new_list() -> str:
    """Show the empty form."""
    return _form(Description())


@bp.post("/lists/new")
@requires(Right.EDIT_LISTS)
def create_list() -> ResponseReturnValue:
    """Create the list."""
    description = form_values(Description)
    try:
        with write_transaction() as tx:
            mailing_list = edit.create_list(
                tx, description, slug=request.form.get("slug", ""), at=now()
            )
            log_audit(tx, AuditAction.LIST_CREATED, mailing_list.id)
    except InvalidInput as error:
        return _form(description, error.fields), 422
    return redirect(url_for("studio.list_page", list_id=mailing_list.id), 303)


@bp.get("/lists/<key:list_id>/edit")
@requires(Right.EDIT_LISTS)
def edit_list(list_id: int) -> str:
    """Show the list's settings."""
    with read_only_transaction() as tx:
        return _form(edit.find_list(tx.session, list_id), list_id=list_id)


@bp.post("/lists/<key:list_id>/edit")
@requires(Right.EDIT_LISTS)
def save_list(list_id: int) -> ResponseReturnValue:
    """Change the list."""
    description = form_values(Description)
    try:
        with write_transaction() as tx:
            edit.edit_list(tx, list_id, description)
            log_audit(tx, AuditAction.LIST_EDITED, list_id)
    except InvalidInput as error:
        return _form(description, error.fields, list_id=list_id), 422
    flash(_("Saved."))
    return redirect(url_for("studio.list_page", list_id=list_id), 303)


@bp.post("/lists/<key:list_id>/archive")
@requires(Right.EDIT_LISTS)
def archive_list(list_id: int) -> ResponseReturnValue:
    """Stop mail and sign-ups; the next page offers to restore."""
    with write_transaction() as tx:
        edit.archive_list(tx, list_id, at=now())
        log_audit(tx, AuditAction.LIST_ARCHIVED, list_id)
    return redirect(url_for("studio.list_page", list_id=list_id), 303)


@bp.post("/lists/<key:list_id>/restore")
@requires(Right.EDIT_LISTS)
def restore_list(list_id: int) -> ResponseReturnValue:
    """Restore the list."""
    with write_transaction() as tx:
        edit.restore_list(tx, list_id)
        log_audit(tx, AuditAction.LIST_RESTORED, list_id)
    flash(_("The list is restored."))
    return redirect(url_for("studio.list_page", list_id=list_id), 303)


def _form(
    values: object, errors: dict[str, str] | None = None, *, list_id: int | None = None
) -> str:
    return render_template(
        "studio/lists/edit.html",
        values=values,
        errors=errors or {},
        list_id=list_id,
        languages=[(code, language_name(code)) for code in LANGUAGES],
    )
