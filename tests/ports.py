"""A port kept for a server that is about to start, and which nobody else can be given meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_port() -> Iterator[int]:
    """A port of the loopback for a server that binds with SO_REUSEADDR, as most do.

    A port that is looked for and given back is anybody's until the server binds it, and every
    connection of every other test takes one. This one stays bound, without listening: then the
    kernel lets the server listen on it, and gives it to nobody else.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield int(keeper.getsockname()[1])
