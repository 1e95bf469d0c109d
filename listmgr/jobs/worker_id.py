"""The name under which one run of a job holds what it works on."""

from __future__ import annotations

import os
import socket


def holder(*parts: int) -> str:
    """A name nobody else has; host and process are in it for whoever looks into the tables."""
    return ":".join(map(str, (socket.gethostname(), os.getpid(), *parts, os.urandom(4).hex())))
