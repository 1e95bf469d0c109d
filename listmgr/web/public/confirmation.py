"""The page behind a confirmation link: looking shows a button, pressing it acts (T-01, T-02)."""

from __future__ import annotations

from flask import g, render_template

from listmgr.consent.confirm import QuestionView, confirm, look
from listmgr.consent.refuse import refuse
from listmgr.kit.clock import now
from listmgr.web.context import request_facts, services
from listmgr.web.language import words
from listmgr.web.public import bp


@bp.get("/c/<token>")
def question(token: str) -> str:
    """What the link is about; writes nothing."""
    with services().unit_of_work() as tx:
        view = look(tx.session, tx.settings, token, now())
    return _page(view, token)


@bp.post("/c/<token>")
def answer(token: str) -> str:
    """Yes, from the mailbox itself."""
    with services().unit_of_work() as tx:
        view = confirm(tx, token, facts=request_facts("confirm button"), at=now())
    return _page(view, token)


@bp.post("/c/<token>/not-me")
def not_me(token: str) -> str:
    """Somebody else typed this address."""
    with services().unit_of_work() as tx:
        view = refuse(tx, token, facts=request_facts("not-me button"), at=now())
    return _page(view, token)


def _page(view: QuestionView, token: str) -> str:
    g.language = view.language
    return render_template("pages/confirm.html", w=words(), view=view, token=token)
