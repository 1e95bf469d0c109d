"""What people see when something is wrong: plain words, and what to do."""

from __future__ import annotations

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException

from listmgr.kit.tokens import TokenError
from listmgr.web.language import words

_KNOWN = frozenset({400, 403, 404, 405, 413, 429})


def init_app(app: Flask) -> None:
    """Answer every error with a page of our own."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(TokenError, _token)


def _http(error: HTTPException) -> tuple[str, int]:
    code = error.code or 500
    key = f"error_{code}" if code in _KNOWN else "error_500"
    return render_template("pages/error.html", w=words(), message=words()[key]), code


def _token(_error: TokenError) -> tuple[str, int]:
    # The same answer for a forged, damaged and foreign link tells nobody which it was.
    return render_template("pages/error.html", w=words(), message=words()["error_link"]), 404
