"""Whether the program lives, and whether what it stands on answers; says nothing else."""

from __future__ import annotations

import redis
import sqlalchemy as sa
from flask import Blueprint

from listmgr.web.context import services

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
def live() -> str:
    """The process answers."""
    return "ok"


@bp.get("/ready")
def ready() -> tuple[str, int]:
    """PostgreSQL and Valkey answer too."""
    try:
        with services().unit_of_work() as tx:
            tx.session.execute(sa.text("SELECT 1"))
        services().redis.ping()
    except (sa.exc.SQLAlchemyError, redis.RedisError) as error:
        return f"not ready: {type(error).__name__}", 503
    return "ok", 200
