"""Errors of an installation's parts."""

from __future__ import annotations


class RuntimeFailure(Exception):
    """A part of an installation cannot run; the message says what to do."""
