"""Errors of use cases, named by what happened."""

from __future__ import annotations


class DomainError(Exception):
    """The request cannot be fulfilled; the message says why, in plain words."""


class Refused(DomainError):
    """A rule of the product forbids it."""


class IdentityError(Exception):
    """Keys or data directory belong to another installation; the message says what to do."""


class NotFound(DomainError):
    """It does not exist, or the requester may not know of it."""


class InvalidInput(DomainError):
    """Fields are invalid. `fields` maps each field to its message."""

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


def first_line(error: BaseException) -> str:
    """Return the first line of a driver's message, which names host and role and no password."""
    error = getattr(error, "orig", None) or error
    return (str(error).splitlines() or [type(error).__name__])[0]
