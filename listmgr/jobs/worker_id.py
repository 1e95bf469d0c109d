"""The name under which one run of a job holds its work."""

from __future__ import annotations

import os
import socket


def holder(*parts: int) -> str:
    """Return a unique name that includes host and process, for whoever inspects the tables."""
    return ":".join(map(str, (socket.gethostname(), os.getpid(), *parts, os.urandom(4).hex())))
