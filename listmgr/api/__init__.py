"""The API for programs: JSON, version 1, keys instead of sessions, problems as RFC 9457."""

from __future__ import annotations

from flask import Blueprint, Flask

from listmgr.api import (
    authentication,
    problems,
)

bp = Blueprint("api", __name__, url_prefix="/api/v1")
bp.before_request(authentication.enforce)
problems.init_app(bp)

from listmgr.api import cards  # noqa: E402

__all__ = ["bp", "cards", "init_app"]


def init_app(app: Flask) -> None:
    """Register the API; it neither sets nor reads cookies."""
    app.register_blueprint(bp)
