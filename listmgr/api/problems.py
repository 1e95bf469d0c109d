"""Errors of the API as application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from listmgr.kit.errors import DomainError, InvalidInput, NotFound


class Problem(Exception):
    """An error response. `kind` is stable and for programs, `detail` for people."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.headers, self.fields = dict(headers or {}), dict(fields or {})


_TITLES = {
    400: "The request cannot be read",
    401: "No valid key",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible now",
    410: "Gone",
    413: "Too large",
    415: "Not JSON",
    422: "Invalid fields",
    429: "Too many requests",
    503: "Away for a moment",
}


def init_app(bp: Blueprint) -> None:
    """Answer every error of the API as a problem."""
    bp.register_error_handler(Problem, _answer)
    bp.register_error_handler(DomainError, _domain)
    bp.register_error_handler(HTTPException, _http)
    bp.register_error_handler(OperationalError, _away)
    bp.register_error_handler(DataError, _not_storable)


def _answer(problem: Problem) -> Response:
    body: dict[str, Any] = {
        "type": f"urn:listmgr:problem:{problem.kind}",
        "title": _TITLES.get(problem.status, "Something went wrong"),
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.fields:
        body["errors"] = problem.fields
    answer = Response(
        json.dumps(body, ensure_ascii=False), problem.status, mimetype="application/problem+json"
    )
    answer.headers.update(problem.headers)
    return answer


def _domain(error: DomainError) -> Response:
    if isinstance(error, InvalidInput):
        return _answer(Problem(422, "invalid", str(error), fields=error.fields))
    if isinstance(error, NotFound):
        return _answer(Problem(404, "not_found", str(error)))
    return _answer(Problem(409, "refused", str(error)))


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    kind = _TITLES.get(code, "error").lower().replace(" ", "_")
    return _answer(Problem(code, kind, error.description or "", headers=kept))


def _away(error: OperationalError) -> Response:
    current_app.logger.error("database away: %s", type(error.orig).__name__)
    return _answer(
        Problem(503, "away", "Nothing has been saved. Try again.", headers={"Retry-After": "60"})
    )


def _not_storable(error: DataError) -> Response:
    current_app.logger.warning("not storable: %s", type(error.orig).__name__)
    return _answer(Problem(400, "not_storable", "Something in it cannot be stored, such as a NUL."))
