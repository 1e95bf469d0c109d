"""API authentication: a bearer key with the route's scope, and a limit for each minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import current_app, g, request

from listmgr.api.problems import Problem
from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.operators.api_keys import Caller, Scope, who_calls
from listmgr.operators.roles import Right, may
from listmgr.web.rate_limit import (
    count,
    seconds_left,
)
from listmgr.web.security import network_key

View = TypeVar("View", bound=Callable[..., Any])
MINUTE = 60
# Guessing keys is pointless, and still not free.
WRONG_KEYS_PER_MINUTE = 30
_needed: dict[Callable[..., Any], tuple[Scope, Right]] = {}


def requires_scope(scope: Scope, right: Right) -> Callable[[View], View]:
    """Declare the scope of the key and the permission of its operator a route needs."""

    def mark(view: View) -> View:
        _needed[view] = (scope, right)
        return view

    return mark


def caller() -> Caller:
    """Return who calls; only where `enforce` has admitted somebody."""
    return cast("Caller", g.api_caller)


def enforce() -> None:
    """Run before every view; an undeclared route is refused."""
    needed = _needed.get(current_app.view_functions.get(request.endpoint or "", enforce))
    known_caller = _authenticated_caller()
    _within_limit(f"api:{known_caller.key_id}", services().settings.api_per_minute)
    if (
        needed is None
        or needed[0] not in known_caller.scopes
        or not may(known_caller.role, needed[1])
    ):
        raise Problem(403, "not_allowed", "This key does not open this.")
    g.api_caller = known_caller


def _authenticated_caller() -> Caller:
    kind, _blank, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        with services().unit_of_work() as tx:
            api_caller = who_calls(tx, secret.strip(), at=now())
        if api_caller is not None:
            return api_caller
    _within_limit(f"api-wrong:{network_key(services().settings)}", WRONG_KEYS_PER_MINUTE)
    raise Problem(
        401,
        "no_key",
        "Send a valid key: Authorization: Bearer lmk_…",
        headers={"WWW-Authenticate": 'Bearer realm="listmgr"'},
    )


def _within_limit(what: str, most: int) -> None:
    if count(services().redis, what, seconds=MINUTE, at=now()) > most:
        wait = seconds_left(seconds=MINUTE, at=now())
        raise Problem(
            429,
            "too_many",
            f"At most {most} requests a minute. Try again in {wait} seconds.",
            headers={"Retry-After": str(wait)},
        )
