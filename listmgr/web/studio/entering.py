"""Signing in by password or one-time link, making the first administrator, and signing out."""

from __future__ import annotations

import re

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators import sign_in
from listmgr.operators.audit import audit
from listmgr.operators.roles import Right
from listmgr.subscribers.address import fingerprint
from listmgr.web.context import services
from listmgr.web.language import language
from listmgr.web.limits import count
from listmgr.web.security import network_of
from listmgr.web.studio import bp
from listmgr.web.studio.acting import acting, reading
from listmgr.web.studio.guard import needs, open_to_all
from listmgr.web.studio.session import enter, leave

TEN_MINUTES = 600
MOST_FROM_ONE_NETWORK = 40
MOST_FOR_ONE_ADDRESS = 10
_OWN_PATH = re.compile(r"/studio(?:/[A-Za-z0-9_-]+)*/?\Z")


@bp.get("/sign-in")
@open_to_all
def sign_in_page() -> ResponseReturnValue:
    """The sign-in form."""
    return _sign_in_page("", 200)


@bp.post("/sign-in")
@open_to_all
def sign_in_act() -> ResponseReturnValue:
    """Let in who knows the password."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    if _too_often(email):
        return _sign_in_page(_("Too many attempts. Please wait ten minutes and try again."), 429)
    with acting() as tx:
        found = sign_in.sign_in(tx, email=email, password=password)
        act = "signed-in" if found else "sign-in.refused"
        audit(tx, found.id if found else None, act, at=now())
    if found is None:
        return _sign_in_page(_("The address or the password is not right."), 401)
    enter(found)
    return redirect(_relative(request.form.get("next", "")), 303)


@bp.post("/sign-out")
@needs(Right.OWN_ACCOUNT)
def sign_out() -> ResponseReturnValue:
    """End this browser's session."""
    leave()
    return redirect(url_for("studio.sign_in_page"), 303)


@bp.get("/sign-in/<token>")
@open_to_all
def one_time_page(token: str) -> str:
    """A button: mail programs and chats open links to look at them."""
    with reading() as tx:
        found = sign_in.whose_one_time(tx.session, tx.settings, token, at=now())
    return render_template("studio/enter/one_time.html", token=token, who=found)


@bp.post("/sign-in/<token>")
@open_to_all
def one_time_act(token: str) -> ResponseReturnValue:
    """Let in by the link, once."""
    with acting() as tx:
        found = sign_in.use_one_time(tx, token, at=now())
        audit(tx, found.id, "signed-in.by-link", at=now())
    enter(found, by_link=True)
    return redirect(url_for("studio.dashboard" if found.password_hash else "studio.account"), 303)


@bp.get("/first-run/<token>")
@open_to_all
def first_run_page(token: str) -> str:
    """The form for the first administrator."""
    with reading() as tx:
        sign_in.check_first_run(tx.session, tx.settings, token, at=now())
    return _first_run_page(token, {})


@bp.post("/first-run/<token>")
@open_to_all
def first_run_act(token: str) -> ResponseReturnValue:
    """Make the first administrator and let them in."""
    told = {name: request.form.get(name, "") for name in ("email", "name", "password", "language")}
    try:
        with acting() as tx:
            made = sign_in.first_run(tx, token, **told, at=now())
            audit(tx, made.id, "operator.first", "operator", made.id, at=now())
    except InvalidInput as error:
        return _first_run_page(token, error.fields), 422
    enter(made)
    return redirect(url_for("studio.dashboard"), 303)


def _first_run_page(token: str, errors: dict[str, str]) -> str:
    values = request.form or {"language": language()}
    return render_template("studio/enter/first_run.html", token=token, errors=errors, values=values)


def _sign_in_page(problem: str, code: int) -> ResponseReturnValue:
    wanted = request.form.get("next", "") or request.args.get("next", "")
    page = render_template("studio/enter/sign_in.html", problem=problem, wanted=wanted)
    return page, code


def _too_often(email: str) -> bool:
    """Counted for the network and for the address; neither stands in Valkey as it is."""
    at, key = now(), services().settings.suppression_key
    network = network_of(request.remote_addr or "")
    address = fingerprint(key, email.strip().casefold()[:320]).hex()
    tried = count(services().redis, f"sign-in:{network}", seconds=TEN_MINUTES, at=at)
    for_it = count(services().redis, f"sign-in:{address}", seconds=TEN_MINUTES, at=at)
    return tried > MOST_FROM_ONE_NETWORK or for_it > MOST_FOR_ONE_ADDRESS


def _relative(wanted: str) -> str:
    """Only pages of our own are gone on to (T-15)."""
    return wanted if _OWN_PATH.match(wanted) else url_for("studio.dashboard")
