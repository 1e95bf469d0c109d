"""Passwords: kept as argon2 hashes, and checked in the same time whether there is one or not."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from listmgr.kit.texts import N_

MIN_LENGTH = 12
MAX_LENGTH = 500
_hasher = PasswordHasher()


def problem_with(password: str) -> str:
    """Why a password cannot be taken; empty when it can."""
    if len(password) < MIN_LENGTH:
        return N_("Use at least 12 characters; four unrelated words are easy to remember.")
    if len(password) > MAX_LENGTH:
        return N_("Use at most 500 characters.")
    if len(set(password)) < 5:
        return N_("This is too easy to guess. Use more than a few different characters.")
    return ""


def hashed(password: str) -> str:
    """The argon2id hash to keep."""
    return _hasher.hash(_octets(password))


@cache
def _nobodys() -> str:
    return hashed("nobody has this password")


def matches(kept: str, password: str) -> bool:
    """Whether the password is the one kept; costs the same when none is kept."""
    try:
        right = _hasher.verify(kept or _nobodys(), _octets(password[: MAX_LENGTH + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(kept)


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def _octets(password: str) -> bytes:
    # A lone surrogate cannot be encoded; it is a wrong password, not an error.
    return password.encode("utf-8", "surrogatepass")
