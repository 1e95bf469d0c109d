"""What may go wrong in a use case, named by what happened."""

from __future__ import annotations


class DomainError(Exception):
    """Something the person asked for cannot be done; the message says why, in plain words."""


class Refused(DomainError):
    """A rule of the product forbids it."""


class IdentityError(Exception):
    """Keys or data directory are of another installation; the message says what to do."""


class NotFound(DomainError):
    """There is no such thing, or the asker may not know of it."""


class InvalidInput(DomainError):
    """A field does not hold what it should. `fields` maps each field to its message."""

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}
