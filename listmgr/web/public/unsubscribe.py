"""Unsubscribe by page and by one-click (RFC 8058), and the preferences page."""

from __future__ import annotations

from flask import request

from listmgr.consent.methods import Method
from listmgr.consent.preferences import (
    PreferenceRow,
    PreferencesView,
    preferences,
    save_preferences,
    subscriber_of,
)
from listmgr.consent.withdraw import UnsubscribeView, unsubscribe, unsubscribe_view
from listmgr.context import (
    request_facts,
    services,
)
from listmgr.kit.clock import now
from listmgr.kit.rows import Rows, rows_of, rows_unflushed
from listmgr.privacy.my_data import send_my_data_link
from listmgr.web.public.blueprint import bp
from listmgr.web.public.layout import framed
from listmgr.web.public.signup_input import numbers


# With a slash at the end too: some programs add one, and leaving must not fail by it.
@bp.get("/u/<token>/")
@bp.get("/u/<token>")
def unsubscribe_page(token: str) -> str:
    """Show a button; change nothing."""
    with services().rows() as rows:
        view = unsubscribe_view(rows, services().settings, token)
        return _leave_page(rows, view, token)


@bp.post("/u/<token>/")
@bp.post("/u/<token>")
def confirm_unsubscribe(token: str) -> str:
    """End the subscription: by the page's button or a mail client's one-click, whatever its body.

    RFC 8058: no cookie, no sign-in, no redirect; repeating it is no error. The body is never read,
    so that none can be invalid.
    """
    method = Method.PAGE if request.args.get("by") == "page" else Method.ONE_CLICK
    with services().unit_of_work() as tx:
        view = unsubscribe(tx, token, facts=request_facts(method), method=method, at=now())
        return _leave_page(rows_unflushed(tx.session), view, token)


def _leave_page(rows: Rows, view: UnsubscribeView, token: str) -> str:
    return framed(
        "unsubscribe.html",
        rows,
        language=view.language,
        purpose_ids=[view.purpose_id],
        view=view,
        token=token,
    )


@bp.get("/p/<token>")
def preferences_page(token: str) -> str:
    """Show the person's subscriptions."""
    with services().rows() as rows:
        return _preferences(rows, preferences(rows, services().settings, token), token)


@bp.post("/p/<token>")
def store_preferences(token: str) -> str:
    """End one subscription or all of them, by the button pressed."""
    leave = None if "everything" in request.form else numbers(request.form.getlist("leave"))
    facts = request_facts(Method.PREFERENCES)
    with services().unit_of_work() as tx:
        view, ended = save_preferences(tx, token, leave=leave, facts=facts, at=now())
        return _preferences(rows_unflushed(tx.session), view, token, ended=ended)


@bp.post("/p/<token>/data")
def mail_my_data_link(token: str) -> str:
    """Mail the link to the person's data to their mailbox: this page's link may have been forwarded
    (L-31).
    """
    with services().unit_of_work() as tx:
        send_my_data_link(tx, subscriber_of(tx.settings, token), at=now())
        rows = rows_of(tx.session)
        view = preferences(rows, tx.settings, token)
        return _preferences(rows, view, token, mailed=True)


def _preferences(
    rows: Rows,
    view: PreferencesView,
    token: str,
    *,
    ended: list[PreferenceRow] | None = None,
    mailed: bool = False,
) -> str:
    return framed(
        "preferences.html",
        rows,
        language=view.language,
        purpose_ids=[row.purpose_id for row in (*view.rows, *(ended or ()))],
        view=view,
        token=token,
        mailed=mailed,
        ended=ended or [],
    )
