"""Error pages inside the studio's layout."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from listmgr.consent.lifecycle import ForbiddenTransition
from listmgr.kit.errors import DomainError, InvalidInput, NotFound
from listmgr.kit.tokens import TokenError
from listmgr.web.translation import translate_error


def init_app(bp: Blueprint) -> None:
    """Answer every error of the blueprint with a page of the studio."""
    bp.register_error_handler(HTTPException, _http)
    bp.register_error_handler(DomainError, _domain)
    bp.register_error_handler(TokenError, _token)
    bp.register_error_handler(ForbiddenTransition, _too_late)
    bp.register_error_handler(OperationalError, _away)
    bp.register_error_handler(DataError, _not_storable)


def _page(title: str, message: str, code: int) -> tuple[str, int]:
    return render_template("studio/error.html", title=title, message=message), code


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    if isinstance(error, CSRFError):
        return _page(
            _("Please send it once more"),
            _(
                "This page was open for too long, or another sign-in has replaced yours. Go back,"
                " copy what you have typed, reload the page and send it again."
            ),
            400,
        )
    title, message = _words().get(error.code, _words()[400 if error.code < 500 else 500])
    return _page(title, message, error.code)


def _words() -> dict[int, tuple[str, str]]:
    return {
        400: (_("Something went wrong"), _("The request could not be read.")),
        403: (
            _("Your role does not include this"),
            _("Nothing has happened. If your work needs this page, ask an administrator."),
        ),
        404: (_("There is nothing here"), _("It may have been deleted. Please check the address.")),
        405: (_("Something went wrong"), _("The page cannot be opened like this.")),
        413: (
            _("That was too much at once"),
            _("Nothing has been saved. Go back, send less or smaller files, and try again."),
        ),
        429: (_("Too many attempts"), _("Please wait ten minutes and try again.")),
        500: (
            _("Something went wrong on our side"),
            _("Nothing has been saved. Please try again in a moment."),
        ),
    }


def _domain(error: DomainError) -> ResponseReturnValue:
    if isinstance(error, NotFound):
        return _page(_("There is nothing here"), translate_error(error), 404)
    code = 422 if isinstance(error, InvalidInput) else 409
    return _page(_("Something went wrong"), translate_error(error), code)


def _token(_error: TokenError) -> ResponseReturnValue:
    # Forged, used and expired links get one answer: it tells nobody which it was.
    return _page(
        _("This link is not valid (any more)"),
        _("It works once, and for one day. Ask an administrator for a new one."),
        404,
    )


def _too_late(_error: ForbiddenTransition) -> ResponseReturnValue:
    return _page(
        _("Something went wrong"),
        _("It has changed in the meantime. Reload the page to see it."),
        409,
    )


def _away(error: OperationalError) -> ResponseReturnValue:
    current_app.logger.error("database away: %s", type(error.orig).__name__)
    return _page(
        _("The database is away for a moment"),
        _("Nothing has been saved. Please try again in a minute."),
        503,
    )


def _not_storable(error: DataError) -> ResponseReturnValue:
    """Answer values PostgreSQL cannot store: a NUL, a year before the first."""
    current_app.logger.warning("not storable: %s", type(error.orig).__name__)
    return _page(*_words()[400], 400)
