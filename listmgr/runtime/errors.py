"""What cannot run here."""

from __future__ import annotations


class RuntimeFailure(Exception):
    """A part of an installation cannot run here; the message says what to do."""
