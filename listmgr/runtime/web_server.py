"""How gunicorn serves the pages under `listmgr up`: its settings, read by name."""

from __future__ import annotations

from typing import Any

from listmgr.runtime.process import die_with

worker_class = "gthread"
workers = 1
threads = 8
graceful_timeout = 8
# Paths carry the secrets of links: they are written nowhere (T-21).
accesslog = None
loglevel = "warning"
control_socket_disable = True


def post_fork(_server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """In each worker: a killed master leaves none behind."""
    die_with(worker.ppid)
