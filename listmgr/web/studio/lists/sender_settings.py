"""The page of a list's sender and quiet hours."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.campaigns import control
from listmgr.kit.errors import InvalidInput
from listmgr.kit.transaction import Transaction
from listmgr.lists import (
    edit,
    sender_settings,
)
from listmgr.lists.models import MailingList
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.senders import routing
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.settings.senders import quiet_told
from listmgr.web.studio.transactions import (
    form_ids,
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate


@bp.get("/lists/<key:list_id>/sending")
@requires(Right.EDIT_LISTS)
def list_sending(list_id: int) -> str:
    """Show the form."""
    return _form(list_id, {})


@bp.post("/lists/<key:list_id>/sending")
@requires(Right.EDIT_LISTS)
def save_list_sending(list_id: int) -> ResponseReturnValue:
    """Change the settings."""
    chosen = parse_id(request.form.get("sender_id"))
    try:
        with write_transaction() as tx:
            mailing_list = sender_settings.set_sending(
                tx, list_id, sender_id=chosen, quiet=quiet_told()
            )
            unfit = _unfit(tx, mailing_list)
            control.wake(tx)
            log_audit(tx, AuditAction.LIST_SENDER_CHANGED, list_id, sender=chosen)
    except InvalidInput as error:
        return _form(list_id, error.fields), 422
    flash(_("Saved."))
    if unfit:
        flash(translate(unfit), "danger")
    return redirect(url_for("studio.list_page", list_id=list_id), 303)


def _unfit(tx: Transaction, mailing_list: MailingList) -> str:
    """Return why no campaign of the list could be sent now; empty if nothing prevents it."""
    try:
        routing.route(tx.session, mailing_list.sender_address, named=mailing_list.sender_id)
    except routing.NoSender as error:
        return str(error)
    return ""


def _form(list_id: int, errors: dict[str, str]) -> str:
    with read_only_transaction() as tx:
        mailing_list = edit.find_list(tx.session, list_id)
        return render_template(
            "studio/lists/sending.html",
            mailing_list=mailing_list,
            values=request.form if errors else mailing_list,
            days=form_ids("quiet_days") if errors else mailing_list.quiet_days,
            senders=[
                sender for sender in routing.senders(tx.session) if sender.disabled_at is None
            ],
            errors=errors,
        )
