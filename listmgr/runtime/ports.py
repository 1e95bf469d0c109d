"""Find a free port."""

from __future__ import annotations

import socket


def free_port(wished: int = 0) -> int:
    """Return a free port on the loopback: the wished one, if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wished))
        except (OSError, OverflowError):
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
