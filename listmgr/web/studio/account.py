"""The operator's own account: language and password."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.kit.errors import InvalidInput
from listmgr.operators import accounts
from listmgr.operators.roles import RIGHTS, Right
from listmgr.web.studio import bp
from listmgr.web.studio.acting import acting, note
from listmgr.web.studio.guard import needs
from listmgr.web.studio.session import came_by_link, operator, renew


@bp.get("/account")
@needs(Right.OWN_ACCOUNT)
def account() -> str:
    """Who one is here, and what one may do."""
    return _page({})


@bp.post("/account/language")
@needs(Right.OWN_ACCOUNT)
def set_language() -> ResponseReturnValue:
    """The language of one's pages; that they speak it now is answer enough."""
    with acting() as tx:
        accounts.set_language(tx, operator().id, request.form.get("language", ""))
    return redirect(url_for("studio.account"), 303)


@bp.post("/account/password")
@needs(Right.OWN_ACCOUNT)
def set_password() -> ResponseReturnValue:
    """A new password; every other session of the operator ends."""
    current = None if _needs_no_current() else request.form.get("current", "")
    password = request.form.get("password", "")
    try:
        with acting() as tx:
            found = accounts.set_password(tx, operator().id, password=password, current=current)
            note(tx, "operator.password", "operator", found.id)
    except InvalidInput as error:
        return _page(error.fields), 422
    renew(found)
    flash(_("The new password is valid from now on. Your other sessions have ended."))
    return redirect(url_for("studio.account"), 303)


def _needs_no_current() -> bool:
    """Who came by a one-time link may have forgotten the password, or never had one."""
    return came_by_link() or not operator().has_password


def _page(errors: dict[str, str]) -> str:
    return render_template(
        "studio/account.html",
        errors=errors,
        asks_current=not _needs_no_current(),
        rights=[right for right in Right if right in RIGHTS[operator().role]],
    )
