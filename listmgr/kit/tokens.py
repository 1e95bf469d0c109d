"""Signed links: one salt a purpose, a list of keys for rotation, three named refusals."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer


class Door(enum.StrEnum):
    """What a link opens. A token made for one door fits no other (T-20)."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    SIGN_IN = "sign-in"
    FORM = "form"


class TokenError(Exception):
    """The link does not open this door."""


class TokenExpired(TokenError):
    """The link was genuine, and is too old."""


class TokenInvalid(TokenError):
    """The link is forged, damaged, of another door or of another installation."""


def _serializer(keys: Sequence[str], door: Door) -> URLSafeTimedSerializer:
    # itsdangerous signs with the last key of a list and accepts all; settings name the newest first.
    return URLSafeTimedSerializer(
        list(reversed(keys)),
        salt=f"listmgr.{door}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def make_token(keys: Sequence[str], door: Door, *parts: int | str) -> str:
    """A URL-safe signed token carrying the parts."""
    return str(_serializer(keys, door).dumps(parts))


def open_token(
    keys: Sequence[str], door: Door, token: str, *, max_age: int | None = None
) -> list[int | str]:
    """The parts of a token. `max_age` is in seconds; raises TokenExpired or TokenInvalid."""
    try:
        parts = _serializer(keys, door).loads(token[:1000], max_age=max_age)
    except SignatureExpired:
        raise TokenExpired from None
    except BadData:
        raise TokenInvalid from None
    if not isinstance(parts, list):
        raise TokenInvalid
    return parts


def token_hash(token: str) -> bytes:
    """What is stored of a token: never the token itself."""
    return hashlib.sha256(token.encode()).digest()
