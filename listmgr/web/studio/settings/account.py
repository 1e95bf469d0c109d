"""The operator's own account: language, password, sessions."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators import accounts, sessions
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import RIGHTS, Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import came_by_link, current_operator, renew
from listmgr.web.studio.settings.installation import installation_words
from listmgr.web.studio.sign_in_attempts import password_attempt
from listmgr.web.studio.transactions import (
    log_audit,
    read_only_transaction,
    write_transaction,
)


@bp.get("/account")
@requires(Right.OWN_ACCOUNT)
def account() -> str:
    """Show the account and its permissions."""
    return _page({})


@bp.post("/account/language")
@requires(Right.OWN_ACCOUNT)
def set_language() -> ResponseReturnValue:
    """Set the language of the studio."""
    with write_transaction() as tx:
        accounts.set_language(tx, current_operator().id, request.form.get("language", ""))
    return redirect(url_for("studio.account"), 303)


@bp.post("/account/password")
@requires(Right.OWN_ACCOUNT)
def set_password() -> ResponseReturnValue:
    """Set a new password; all other sessions of the operator end."""
    current = None if _needs_no_current() else request.form.get("current", "")
    attempt = password_attempt(current_operator().id)
    if not attempt.allowed:
        problem = _("Too many attempts. Please wait ten minutes and try again.")
        return _page({"current": problem}), 429
    try:
        with write_transaction() as tx:
            operator = accounts.set_password(
                tx,
                current_operator().id,
                password=request.form.get("password", ""),
                current=current,
                own_words=installation_words(tx.session),
            )
            log_audit(tx, AuditAction.OPERATOR_PASSWORD_CHANGED, operator.id)
            renew(tx, operator)
    except InvalidInput as error:
        if "current" not in error.fields:
            attempt.succeeded()
        return _page(error.fields), 422
    attempt.succeeded()
    flash(_("The new password is valid from now on. Your other sessions have ended."))
    return redirect(url_for("studio.account"), 303)


@bp.post("/account/sessions/<key:session_id>/end")
@requires(Right.OWN_ACCOUNT)
def end_own_session(session_id: int) -> ResponseReturnValue:
    """Sign out another browser, or this one."""
    with write_transaction() as tx:
        if sessions.end_own_session(tx, current_operator().id, session_id):
            log_audit(tx, AuditAction.OPERATOR_SESSION_ENDED, current_operator().id)
    return redirect(url_for("studio.account"), 303)


def _needs_no_current() -> bool:
    """Whether the present password is not asked for: signed in by link, or none set."""
    return came_by_link() or not current_operator().has_password


def _page(errors: dict[str, str]) -> str:
    with read_only_transaction() as tx:
        opened = sessions.open_sessions(tx.session, current_operator().id, at=now())
    return render_template(
        "studio/account.html",
        errors=errors,
        sessions=[(row, sessions.is_session(row, current_operator().secret)) for row in opened],
        asks_current=not _needs_no_current(),
        rights=[right for right in Right if right in RIGHTS[current_operator().role]],
    )
