"""The blueprint of the public pages, to which every view module adds its routes."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("public", __name__)
