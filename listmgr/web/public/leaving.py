"""Unsubscribe by page and by RFC 8058's one-click, and the preferences page."""

from __future__ import annotations

from flask import g, render_template, request

from listmgr.consent.preferences import PreferencesView, preferences, save_preferences
from listmgr.consent.withdraw import UnsubscribeView, unsubscribe, unsubscribe_view
from listmgr.kit.clock import now
from listmgr.web.context import request_facts, services
from listmgr.web.language import words
from listmgr.web.public import bp


@bp.get("/u/<token>")
def leave_page(token: str) -> str:
    """A button; whoever only looks changes nothing."""
    with services().unit_of_work() as tx:
        view = unsubscribe_view(tx.session, tx.settings, token)
    return _leave_page(view, token)


@bp.post("/u/<token>")
def leave(token: str) -> str:
    """End the subscription: the page's button, or a mail program's one-click, whatever its body.

    RFC 8058: no cookie, no sign-in, no redirect; a second time is fine.
    """
    how = "page" if request.form.get("by") == "page" else "one-click"
    with services().unit_of_work() as tx:
        view = unsubscribe(tx, token, facts=request_facts(how), how=how, at=now())
    return _leave_page(view, token)


def _leave_page(view: UnsubscribeView, token: str) -> str:
    g.language = view.language
    return render_template("pages/unsubscribe.html", w=words(), view=view, token=token)


@bp.get("/p/<token>")
def preferences_page(token: str) -> str:
    """What a person gets from us."""
    with services().unit_of_work() as tx:
        view = preferences(tx.session, tx.settings, token)
    return _preferences(view, token, saved=False)


@bp.post("/p/<token>")
def save(token: str) -> str:
    """Withdraw what is no longer ticked."""
    wanted = {int(value) for value in request.form.getlist("keep") if value.isdecimal()}
    keep = set() if "all_off" in request.form else wanted
    with services().unit_of_work() as tx:
        view = save_preferences(
            tx, token, keep=keep, facts=request_facts("preferences page"), at=now()
        )
    return _preferences(view, token, saved=True)


def _preferences(view: PreferencesView, token: str, *, saved: bool) -> str:
    g.language = view.language
    return render_template("pages/preferences.html", w=words(), view=view, token=token, saved=saved)
