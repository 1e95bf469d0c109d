"""Error pages in plain words that say what to do."""

from __future__ import annotations

import psycopg
from flask import Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, SecurityError

from listmgr.kit.errors import DomainError, InvalidInput, NotFound
from listmgr.kit.tokens import TokenError
from listmgr.web.translation import translate_error

_KEPT = frozenset({"Allow", "Retry-After"})


def init_app(app: Flask) -> None:
    """Answer every error with one of our own pages."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(TokenError, _token)
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(OperationalError, _away)
    app.register_error_handler(DataError, _not_storable)
    app.register_error_handler(psycopg.OperationalError, _away)
    app.register_error_handler(psycopg.DataError, _not_storable)


def _words() -> dict[int, str]:
    return {
        400: _("The request could not be read."),
        403: _("That is not allowed here."),
        404: _("This page doesn't exist or has moved. Check the address."),
        405: _("The page cannot be opened like this."),
        413: _("That was too much text."),
        429: _("Too many requests at once. Please try again in an hour."),
        500: _("Something went wrong on our side. Please try again in a moment."),
        503: _("We are away for a moment. Please try again in a minute; nothing is lost."),
    }


def _page(message: str, code: int) -> tuple[str, int]:
    return render_template("pages/error.html", message=message), code


def _http(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error, SecurityError):
        # For a host that is not ours no address can be made, not even that of the style sheet.
        return _words()[400], 400, {"Content-Type": "text/plain; charset=utf-8"}
    # A response somebody has made ready, such as a redirect, is no error to be told of.
    if error.code is None or error.code < 400:
        return error.get_response()
    messages = _words()
    message = messages.get(error.code, messages[400 if error.code < 500 else 500])
    # Allow and Retry-After say what to do instead; the rest of the answer is our page.
    kept = {name: value for name, value in error.get_headers() if name in _KEPT}
    return *_page(message, error.code), kept


def _domain(error: DomainError) -> ResponseReturnValue:
    """Answer an error no view has handled with its own message and a matching status."""
    if isinstance(error, NotFound):
        return _page(_words()[404], 404)
    return _page(translate_error(error), 422 if isinstance(error, InvalidInput) else 409)


def _token(_error: TokenError) -> ResponseReturnValue:
    # The same answer for a forged, damaged and foreign link tells nobody which it was.
    message = _(
        "There is no such link. Please open it directly from the mail; some programs cut long"
        " links."
    )
    return _page(message, 404)


def _away(error: OperationalError | psycopg.OperationalError) -> ResponseReturnValue:
    cause = error.orig if isinstance(error, OperationalError) else error
    current_app.logger.error("database away: %s", type(cause).__name__)
    return *_page(_words()[503], 503), {"Retry-After": "60"}


def _not_storable(error: DataError | psycopg.DataError) -> ResponseReturnValue:
    """Answer values PostgreSQL cannot store: a NUL, a year before the first."""
    cause = error.orig if isinstance(error, DataError) else error
    current_app.logger.warning("not storable: %s", type(cause).__name__)
    return _page(_words()[400], 400)
