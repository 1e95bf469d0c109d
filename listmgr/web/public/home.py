"""The home page, for people who typed the address instead of following a link."""

from __future__ import annotations

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from listmgr.context import services
from listmgr.web.public.blueprint import bp
from listmgr.web.public.signup_form import senders


@bp.get("/")
def home() -> str:
    """Show who sends from here, how to unsubscribe, and the link to sign in."""
    with services().rows() as rows:
        return render_template("pages/front.html", senders=senders(rows, ()))


@bp.get("/robots.txt")
def robots() -> Response:
    """Allow crawlers on sign-up forms only: all else are personal links or the studio."""
    return Response("User-agent: *\nAllow: /$\nAllow: /s/\nDisallow: /\n", mimetype="text/plain")


@bp.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """Redirect to the icon, for browsers that ask for it unprompted."""
    return redirect(url_for("static", filename="icon.svg"), 303)
