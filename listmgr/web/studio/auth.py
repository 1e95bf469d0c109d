"""Sign in by password or one-time link, create the first administrator, sign out."""

from __future__ import annotations

import re

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators import sign_in
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.language import language
from listmgr.web.security import visitor_ip
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import open_to_all, requires
from listmgr.web.studio.session import enter, leave
from listmgr.web.studio.sign_in_attempts import (
    MOST_TOLD,
    account_print,
    refusals_told,
    remember_device,
    sign_in_attempt,
)
from listmgr.web.studio.transactions import (
    read_only_transaction,
    write_transaction,
)

_OWN_PATH = re.compile(r"/studio(?:/[A-Za-z0-9_-]+)*/?\Z")


@bp.get("/sign-in")
@open_to_all
def sign_in_page() -> ResponseReturnValue:
    """Show the sign-in form."""
    return _sign_in_page("", 200)


@bp.post("/sign-in")
@open_to_all
def sign_in_act() -> ResponseReturnValue:
    """Sign in by password."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    attempt = sign_in_attempt(email)
    if not attempt.allowed:
        _write_down_refusal(email, held_back=True)
        return _sign_in_page(_("Too many attempts. Please wait ten minutes and try again."), 429)
    with write_transaction() as tx:
        operator = sign_in.sign_in(tx, email=email, password=password)
        if operator is not None:
            write_audit_entry(tx, operator.id, AuditAction.SIGN_IN_SUCCEEDED, at=now())
            enter(tx, operator)
    if operator is None:
        _write_down_refusal(email)
        return _sign_in_page(_("Wrong address or password."), 401)
    attempt.succeeded()
    answer = make_response(redirect(_relative(request.form.get("next", "")), 303))
    remember_device(answer, operator.email)
    return answer


def _write_down_refusal(email: str, *, held_back: bool = False) -> None:
    """Log the account that was tried and, as far as the settings allow, the origin."""
    number = refusals_told()
    if number is None:
        return
    details: dict[str, object] = {"network": visitor_ip(services().settings)}
    if held_back:
        details["held_back"] = True
    if number > MOST_TOLD:
        details["refused_this_hour"] = number
    with write_transaction() as tx:
        account = sign_in.account_of(tx.session, email)
        if account is None:
            details["account"] = account_print(email)
        # The log of an account shows who tried to get into it.
        subject = "operator" if account is not None else ""
        write_audit_entry(
            tx, None, AuditAction.SIGN_IN_REFUSED, account, details, at=now(), subject=subject
        )


@bp.post("/sign-out")
@requires(Right.OWN_ACCOUNT)
def sign_out() -> ResponseReturnValue:
    """End this browser's session."""
    with write_transaction() as tx:
        leave(tx)
    return redirect(url_for("studio.sign_in_page"), 303)


@bp.get("/sign-in/<token>")
@open_to_all
def one_time_page(token: str) -> str:
    """Show a button, since mail clients and chats open links to preview them."""
    with read_only_transaction() as tx:
        operator = sign_in.whose_one_time(tx.session, tx.settings, token, at=now())
    return render_template("studio/enter/one_time.html", token=token, who=operator)


@bp.post("/sign-in/<token>")
@open_to_all
def one_time_act(token: str) -> ResponseReturnValue:
    """Sign in by the link, once."""
    with write_transaction() as tx:
        operator = sign_in.use_one_time(tx, token, at=now())
        write_audit_entry(tx, operator.id, AuditAction.SIGN_IN_BY_LINK, at=now())
        enter(tx, operator, by_link=True)
    page = url_for("studio.dashboard" if operator.password_hash else "studio.account")
    answer = make_response(redirect(page, 303))
    remember_device(answer, operator.email)
    return answer


@bp.get("/first-run/<token>")
@open_to_all
def first_run_page(token: str) -> str:
    """Show the form for the first administrator."""
    with read_only_transaction() as tx:
        sign_in.check_first_run(tx.session, tx.settings, token, at=now())
    return _first_run_page(token, {})


@bp.post("/first-run/<token>")
@open_to_all
def first_run_act(token: str) -> ResponseReturnValue:
    """Create the first administrator and sign them in."""
    values = {
        name: request.form.get(name, "") for name in ("email", "name", "password", "language")
    }
    try:
        with write_transaction() as tx:
            operator = sign_in.first_run(tx, token, **values, at=now())
            write_audit_entry(
                tx, operator.id, AuditAction.OPERATOR_FIRST_CREATED, operator.id, at=now()
            )
            enter(tx, operator)
    except InvalidInput as error:
        return _first_run_page(token, error.fields), 422
    return redirect(url_for("studio.dashboard"), 303)


def _first_run_page(token: str, errors: dict[str, str]) -> str:
    values = request.form or {"language": language()}
    return render_template("studio/enter/first_run.html", token=token, errors=errors, values=values)


def _sign_in_page(problem: str, code: int) -> ResponseReturnValue:
    target = request.form.get("next", "") or request.args.get("next", "")
    page = render_template("studio/enter/sign_in.html", problem=problem, target=target)
    return page, code


def _relative(target: str) -> str:
    """Return a path of our own, or the overview for any other URL (T-15)."""
    return target if _OWN_PATH.match(target) else url_for("studio.dashboard")
