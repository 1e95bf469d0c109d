"""Passwords: argon2 hashes, verified in the same time whether or not one is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from listmgr.kit.i18n import N_

MIN_LENGTH = 12
MAX_LENGTH = 500
# What zxcvbn calls safely unguessable where a stolen hash is slow to try: argon2 is.
LEAST_GUESSES = 1e8
# It looks at so many characters at most; more would cost time and find nothing.
_LOOKED_AT = 72
_hasher = PasswordHasher()


def problem_with(password: str, own_words: Sequence[str] = ()) -> str:
    """Return why a password is not acceptable; empty if it is.

    `own_words` are what somebody who knows the operator would try: name, address, organisation.
    """
    if len(password) < MIN_LENGTH:
        return N_("Use at least 12 characters; four unrelated words are easy to remember.")
    if len(password) > MAX_LENGTH:
        return N_("Use at most 500 characters.")
    if _guesses(password, own_words) < LEAST_GUESSES:
        return N_(
            "This is too easy to guess: it is common, repeats itself, or is made of names known"
            " here. Four unrelated words are easy to remember."
        )
    return ""


def _guesses(password: str, own_words: Sequence[str]) -> float:
    """Estimate the guesses needed with lists of common passwords (zxcvbn)."""
    # Its lists are large, and needed when a password is set only.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    words = [word for name in own_words for word in (name, *_parts(name))]
    looked_at = password.encode("utf-8", "replace").decode()[:_LOOKED_AT]
    estimate = zxcvbn(looked_at, user_inputs=[word.casefold() for word in words if len(word) > 2])
    return float(estimate["guesses"])


def hashed(password: str) -> str:
    """Return the argon2id hash to store."""
    return _hasher.hash(_octets(password))


def _parts(name: str) -> list[str]:
    """Return the words of a name, and all of them joined."""
    parts = re.split(r"[\W_]+", name)
    return [*parts, "".join(parts)]


@cache
def _nobodys() -> str:
    return hashed("nobody has this password")


def matches(kept: str, password: str) -> bool:
    """Whether the password is correct; takes the same time if none is stored."""
    try:
        right = _hasher.verify(kept or _nobodys(), _octets(password[: MAX_LENGTH + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(kept)


def is_outdated(kept: str) -> bool:
    """Whether the hash uses weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def _octets(password: str) -> bytes:
    # A lone surrogate cannot be encoded; it is a wrong password, not an error.
    return password.encode("utf-8", "surrogatepass")
