"""Pages of operators: create, change role, disable, one-time sign-in link."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.i18n import N_
from listmgr.operators import accounts
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import Operator, Role
from listmgr.operators.roles import RIGHTS, Right
from listmgr.operators.sign_in import one_time_sign_in
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import (
    log_audit,
    read_only_transaction,
    write_transaction,
)

_FIELDS = ("email", "name", "role", "language")


@bp.get("/operators")
@requires(Right.SEE_OPERATORS)
def operators() -> str:
    """List all accounts."""
    with read_only_transaction() as tx:
        accounts_by_name = accounts.operators(tx.session)
    return render_template(
        "studio/operators/all.html",
        operators=accounts_by_name,
        rights=RIGHTS,
        all_rights=list(Right),
    )


@bp.get("/operators/new")
@requires(Right.EDIT_OPERATORS)
def new_operator() -> str:
    """Show the empty form."""
    return _form({})


@bp.post("/operators/new")
@requires(Right.EDIT_OPERATORS)
def create_operator() -> ResponseReturnValue:
    """Create the account and show its one-time sign-in link once."""
    email, name, role, spoken = (request.form.get(field, "") for field in _FIELDS)
    try:
        with write_transaction() as tx:
            operator = accounts.create_operator(
                tx, email=email, name=name, role=role, language=spoken, at=now()
            )
            token = one_time_sign_in(tx, operator.id, at=now())
            log_audit(tx, AuditAction.OPERATOR_CREATED, operator.id, role=operator.role.value)
    except InvalidInput as error:
        return _form(error.fields), 422
    return _link_page(operator, token)


@bp.get("/operators/<key:operator_id>")
@requires(Right.EDIT_OPERATORS)
def operator_page(operator_id: int) -> str:
    """Show one account and its actions."""
    with read_only_transaction() as tx:
        operator = tx.session.get(Operator, operator_id)
    if operator is None:
        raise NotFound(N_("There is no such operator."))
    return render_template("studio/operators/one.html", account=operator, roles=list(Role))


@bp.post("/operators/<key:operator_id>/role")
@requires(Right.EDIT_OPERATORS)
def change_role(operator_id: int) -> ResponseReturnValue:
    """Change the role, effective from the next request."""
    role = request.form.get("role", "")
    with write_transaction() as tx:
        accounts.change_role(tx, operator_id, role)
        log_audit(tx, AuditAction.OPERATOR_ROLE_CHANGED, operator_id, role=role)
    flash(_("Saved. The operator has to sign in again."))
    return redirect(url_for("studio.operators"), 303)


@bp.post("/operators/<key:operator_id>/disable")
@requires(Right.EDIT_OPERATORS)
def disable_operator(operator_id: int) -> ResponseReturnValue:
    """Disable the account at once; the next page offers to enable it."""
    with write_transaction() as tx:
        accounts.disable(tx, operator_id, at=now())
        log_audit(tx, AuditAction.OPERATOR_DISABLED, operator_id)
    return redirect(url_for("studio.operator_page", operator_id=operator_id), 303)


@bp.post("/operators/<key:operator_id>/enable")
@requires(Right.EDIT_OPERATORS)
def enable_operator(operator_id: int) -> ResponseReturnValue:
    """Enable the account again."""
    with write_transaction() as tx:
        accounts.enable(tx, operator_id)
        log_audit(tx, AuditAction.OPERATOR_ENABLED, operator_id)
    return redirect(url_for("studio.operator_page", operator_id=operator_id), 303)


@bp.post("/operators/<key:operator_id>/link")
@requires(Right.EDIT_OPERATORS)
def make_link(operator_id: int) -> ResponseReturnValue:
    """Create a one-time sign-in link for somebody who lost their password."""
    with write_transaction() as tx:
        token = one_time_sign_in(tx, operator_id, at=now())
        log_audit(tx, AuditAction.OPERATOR_LINK_CREATED, operator_id)
        operator = accounts.lock_operator(tx, operator_id)
    return _link_page(operator, token)


def _link_page(operator: Operator, token: str) -> str:
    # Shown in this answer and nowhere else: it is kept neither here nor in the log.
    link = services().settings.link(f"studio/sign-in/{token}")
    return render_template("studio/operators/link.html", account=operator, link=link)


def _form(errors: dict[str, str]) -> str:
    return render_template(
        "studio/operators/new.html", values=request.form, errors=errors, roles=list(Role)
    )
