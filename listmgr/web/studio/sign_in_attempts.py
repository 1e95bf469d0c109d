"""Limits on password attempts: by network and account, by account, by known device.

Only failures count. Strangers cannot lock an operator out: a browser that has signed in before is
counted on its own (OWASP, device cookies).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import Response, current_app, request

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenError, TokenPurpose, make_token, open_token
from listmgr.operators.sign_in import account_key
from listmgr.subscribers.address import fingerprint
from listmgr.web.rate_limit import (
    count,
    uncount,
)
from listmgr.web.security import network_of
from listmgr.web.studio.session import cookie_name

TEN_MINUTES = 600
HOUR = 3600
MOST_FROM_ONE_NETWORK = 40
MOST_FOR_ONE_ADDRESS = 10
# From all networks together, of devices nobody has signed in from.
MOST_FROM_STRANGERS = 50
DEVICE_COOKIE = "listmgr_device"
DEVICE_DAYS = 180
# So many refused sign-ins of an hour are told one by one, then every so many-th.
MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Limit:
    """The number of failures allowed in a window of `seconds`."""

    what: str
    most: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, counted before it is made, so that simultaneous ones do not pass together."""

    limits: tuple[Limit, ...]
    allowed: bool

    def succeeded(self) -> None:
        """Remove the attempt from the counts."""
        for limit in self.limits:
            uncount(services().redis, limit.what, seconds=limit.seconds, at=now())


def sign_in_attempt(email: str) -> Attempt:
    """Begin an attempt to sign in. Valkey stores no account's or network's address."""
    account = account_print(email)
    device = _device_of(account)
    if device:
        return _begin(Limit(f"sign-in:{account}:{device}", MOST_FOR_ONE_ADDRESS, TEN_MINUTES))
    network = _print(network_of(request.remote_addr or ""))
    return _begin(
        Limit(f"sign-in:{network}", MOST_FROM_ONE_NETWORK, TEN_MINUTES),
        Limit(f"sign-in:{account}:{network}", MOST_FOR_ONE_ADDRESS, TEN_MINUTES),
        Limit(f"sign-in:{account}", MOST_FROM_STRANGERS, HOUR),
    )


def password_attempt(operator_id: int) -> Attempt:
    """Begin an attempt to enter one's present password, in a session that may be stolen."""
    return _begin(Limit(f"password:{operator_id}", MOST_FOR_ONE_ADDRESS, TEN_MINUTES))


def account_print(email: str) -> str:
    """Return the keyed fingerprint of an account, the same for every spelling of its address."""
    return _print(account_key(email) or email.strip().casefold()[:320])


def remember_device(response: Response, email: str) -> None:
    """Mark the browser as one its operator has signed in from."""
    token = make_token(
        services().settings.secret_keys,
        TokenPurpose.DEVICE,
        account_print(email),
        secrets.token_urlsafe(12),
    )
    response.set_cookie(
        cookie_name(current_app, DEVICE_COOKIE),
        token,
        max_age=DEVICE_DAYS * 86_400,
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
    )


def refusals_told() -> int | None:
    """Return the number of a refusal in this hour if it is to be logged, else None.

    A log anybody can flood tells nothing, so a flood is logged by its size.
    """
    number = count(services().redis, "sign-in-refusals", seconds=HOUR, at=now())
    return number if number <= MOST_TOLD or number % MOST_TOLD == 0 else None


def _begin(*limits: Limit) -> Attempt:
    at, redis = now(), services().redis
    tries = [count(redis, limit.what, seconds=limit.seconds, at=at) for limit in limits]
    allowed = all(tried <= limit.most for tried, limit in zip(tries, limits, strict=True))
    return Attempt(limits, allowed)


def _device_of(account: str) -> str:
    """Return the browser's id if it is known for this account, else an empty string."""
    token = request.cookies.get(cookie_name(current_app, DEVICE_COOKIE), "")
    keys = services().settings.secret_keys
    try:
        parts = open_token(keys, TokenPurpose.DEVICE, token, max_age=DEVICE_DAYS * 86_400)
    except TokenError:
        return ""
    return str(parts[1]) if len(parts) == 2 and parts[0] == account else ""


def _print(text: str) -> str:
    return fingerprint(services().settings.suppression_key, text).hex()
