"""What subscribers see: no sign-in, no cookie, no script, no request to anybody else."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("public", __name__)

from listmgr.web.public import confirmation, front, leaving, moving, own_data, signing_up  # noqa: E402

__all__ = ["bp", "confirmation", "front", "leaving", "moving", "own_data", "signing_up"]
