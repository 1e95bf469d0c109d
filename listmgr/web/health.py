"""Health checks: whether the process and the services it depends on answer."""

from __future__ import annotations

import threading

import psycopg
import redis
from flask import Blueprint

from listmgr.config import Settings
from listmgr.context import services
from listmgr.installation.identity import refuse_another
from listmgr.kit.db import libpq_url
from listmgr.kit.errors import IdentityError
from listmgr.schema import is_migrated

bp = Blueprint("health", __name__, url_prefix="/health")

# Seconds to wait for each server.
PATIENCE = 2
_asking = threading.Lock()


@bp.get("/live")
def live() -> str:
    """The process answers."""
    return "ok"


@bp.get("/ready")
def ready() -> tuple[str, int]:
    """PostgreSQL and Valkey answer too, on a separate connection and within seconds; else 503.

    The schema is not older than this program, and the database belongs to this installation.
    """
    # One asks at a time, so that a silent server takes no more than one thread.
    if not _asking.acquire(timeout=PATIENCE):
        return "not ready: still asking", 503
    try:
        migrated = _ask(services().settings)
    except (psycopg.Error, redis.RedisError) as error:
        return f"not ready: {type(error).__name__}", 503
    except IdentityError:
        return "not ready: the database is of another installation", 503
    finally:
        _asking.release()
    if not migrated:
        return "not ready: the database needs `listmgr migrate`", 503
    return "ok", 200


def _ask(settings: Settings) -> bool:
    """Return whether the database is migrated; raise what keeps PostgreSQL or Valkey from
    answering.
    """
    url = libpq_url(settings.database_url)
    # A backend that lets us in has answered; only this wait is bounded by the client.
    with psycopg.connect(url, connect_timeout=PATIENCE) as database:
        migrated = is_migrated(database)
        if migrated:
            refuse_another(database, settings)
    connection = redis.Redis.from_url(
        settings.redis_url, retry=None, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE
    )
    with connection:
        connection.ping()
    return migrated
