"""What stands at the address itself, for those who typed it instead of following a link."""

from __future__ import annotations

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from listmgr.context import services
from listmgr.web.public.blueprint import bp
from listmgr.web.public.signup_form import senders


@bp.get("/")
def home() -> str:
    """Who sends from here, how one leaves, and the way in for those who work here."""
    with services().rows() as rows:
        return render_template("pages/front.html", senders=senders(rows, ()))


@bp.get("/robots.txt")
def robots() -> Response:
    """Crawlers may see sign-up forms: everything else is a personal link or the studio."""
    return Response("User-agent: *\nAllow: /$\nAllow: /s/\nDisallow: /\n", mimetype="text/plain")


@bp.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """The icon, for browsers that ask for it without a page that names it."""
    return redirect(url_for("static", filename="icon.svg"), 303)
