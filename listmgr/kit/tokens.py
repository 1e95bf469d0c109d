"""Signed links: one salt for each purpose, a list of keys for rotation, three distinct errors."""

from __future__ import annotations

import enum
import hashlib
import hmac
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from datetime import timedelta

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from listmgr.kit.clock import now
from listmgr.kit.hmac_sha256 import keyed


class TokenPurpose(enum.StrEnum):
    """What a link opens. A token for one purpose is invalid for every other (T-20)."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    MY_DATA = "my-data"
    SIGN_IN = "sign-in"
    DEVICE = "device"
    FORM = "form"
    PREFILL = "prefill"


# Leaving must work for years (L-13): these carry no time and never expire.
TIMELESS = frozenset({TokenPurpose.UNSUBSCRIBE, TokenPurpose.PREFERENCES})
MAX_TOKEN = 1000
# So many characters at the end of a token are its signature: 32 octets in URL-safe Base64.
SIGNATURE = 43
# A link may be signed by a host whose clock is ahead, and opened by one whose clock is right.
CLOCK_LEEWAY = timedelta(hours=48)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class TokenError(Exception):
    """The link is not valid for this purpose."""


class TokenExpired(TokenError):
    """The link is genuine but too old."""


class TokenInvalid(TokenError):
    """The link is forged, damaged, or of another purpose or installation."""


_SIGNER = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


def _timed(keys: Sequence[str], door: TokenPurpose) -> URLSafeTimedSerializer:
    # itsdangerous signs with the last key and accepts all; settings name the newest first.
    return URLSafeTimedSerializer(keys[::-1], salt=f"listmgr.{door}", signer_kwargs=_SIGNER)


def _timeless(keys: Sequence[str], door: TokenPurpose) -> URLSafeSerializer:
    return URLSafeSerializer(keys[::-1], salt=f"listmgr.{door}", signer_kwargs=_SIGNER)


def make_token(keys: Sequence[str], door: TokenPurpose, *parts: int | str) -> str:
    """Return a URL-safe signed token with these parts."""
    if door in TIMELESS:
        return str(_timeless(keys, door).dumps(list(parts)))
    return str(_timed(keys, door).dumps(list(parts)))


def open_token(
    keys: Sequence[str], door: TokenPurpose, token: str, *, max_age: int | None = None
) -> list[int | str]:
    """Return a token's parts. `max_age` is in seconds. Raises TokenExpired or TokenInvalid.

    A token from the future, by at most `CLOCK_LEEWAY`, counts as new. No token outlives `max_age`
    on the clock that signed it.
    """
    if len(token) > MAX_TOKEN or not _is_canonical(token):
        raise TokenInvalid
    try:
        if door in TIMELESS:
            parts = _timeless(keys, door).loads(token)
        else:
            # itsdangerous would call a token of the future expired.
            parts, signed_at = _timed(keys, door).loads(token, return_timestamp=True)
            if max_age is not None and not _is_alive(now() - signed_at, max_age):
                raise TokenExpired
    except BadData:
        raise TokenInvalid from None
    if not isinstance(parts, list):
        raise TokenInvalid
    return parts


def _is_alive(age: timedelta, max_age: int) -> bool:
    return -CLOCK_LEEWAY <= age <= timedelta(seconds=max_age)


def _is_canonical(token: str) -> bool:
    """Whether the signature has its canonical spelling; everything else in a token is signed.

    Base64 of 32 bytes has two spare bits, and its decoder skips unknown characters.
    """
    signature = token.rpartition(".")[2]
    try:
        return base64_encode(base64_decode(signature)).decode() == signature
    except (BadData, UnicodeError):
        return False


def fast_token_signer(keys: Sequence[str], door: TokenPurpose) -> Callable[[int, int], str]:
    """Return a fast signer of tokens without expiry, with two numbers, which `open_token` accepts.

    itsdangerous derives the key and creates three objects for each token (25 µs). A campaign needs
    one for each mail, so the key is derived once here (2 µs).
    """
    salt = f"listmgr.{door}".encode()
    digest = keyed(hmac.digest(keys[0].encode(), salt, "sha256"))

    def mint(first: int, second: int) -> str:
        # What `base64.urlsafe_b64encode` does, without its two calls more.
        octets = b2a_base64(b"[%d,%d]" % (first, second), newline=False)
        payload = octets.translate(_URL_SAFE, b"=")
        signature = b2a_base64(digest(payload), newline=False).translate(_URL_SAFE, b"=")
        return f"{payload.decode()}.{signature.decode()}"

    return mint


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: never the token itself."""
    return hashlib.sha256(token.encode()).digest()
