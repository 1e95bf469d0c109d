"""Seals secrets kept in the database with a key that is not in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBroken(Exception):
    """None of the keys opens it: the key has been replaced without keeping the old one."""


def _box(keys: Sequence[str], purpose: str) -> MultiFernet:
    # A key of its own for each purpose, so that what is sealed for one opens for no other.
    made = [
        hmac.digest(key.encode(), f"listmgr.seal.{purpose}".encode(), hashlib.sha256)
        for key in keys
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in made])


def seal(keys: Sequence[str], purpose: str, text: str) -> str:
    """The text, readable only with one of the keys; the newest, which comes first, seals."""
    return _box(keys, purpose).encrypt(text.encode()).decode()


def unseal(keys: Sequence[str], purpose: str, sealed: str) -> str:
    """The text again; raises SealBroken."""
    try:
        return _box(keys, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealBroken from None
