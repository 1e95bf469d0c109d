"""Encrypt secrets in the database under a key that is not in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBroken(Exception):
    """No key decrypts it: the key was replaced and the old one not kept."""


def _box(keys: Sequence[str], purpose: str) -> MultiFernet:
    # A key of its own for each purpose, so that what is sealed for one opens for no other.
    boxes = [
        hmac.digest(key.encode(), f"listmgr.seal.{purpose}".encode(), hashlib.sha256)
        for key in keys
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in boxes])


def seal(keys: Sequence[str], purpose: str, text: str) -> str:
    """Encrypt a text with the first and newest key."""
    return _box(keys, purpose).encrypt(text.encode()).decode()


def unseal(keys: Sequence[str], purpose: str, sealed: str) -> str:
    """Decrypt a text with any of the keys. Raises SealBroken."""
    try:
        return _box(keys, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealBroken from None
