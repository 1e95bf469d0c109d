"""What stands at the address itself, for those who typed it instead of following a link."""

from __future__ import annotations

from flask import render_template

from listmgr.context import services
from listmgr.web.public.blueprint import bp
from listmgr.web.public.signup_form import senders


@bp.get("/")
def home() -> str:
    """Who sends from here, how one leaves, and the way in for those who work here."""
    with services().rows() as rows:
        return render_template("pages/front.html", senders=senders(rows, ()))
