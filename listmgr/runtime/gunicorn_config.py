"""Settings of gunicorn, which serves the pages.

Used by `gunicorn --config=python:listmgr.runtime.gunicorn_config 'listmgr.app:create_app()'`.
"""

from __future__ import annotations

import gc
import os
import resource
from typing import Any

from listmgr.config import load_settings
from listmgr.runtime.forked_commands import name_connections
from listmgr.runtime.process import die_with

# Before the application is made: it connects to the database at once.
name_connections("web")
worker_class = "listmgr.runtime.web_worker.Worker"
workers = load_settings().web_processes or len(os.sched_getaffinity(0))
threads = 8
# Idle connections cost a file descriptor each, and no thread.
worker_connections = 8000
backlog = 4096
keepalive = 15
graceful_timeout = 8
# Made once: the processes share what none of them changes.
preload_app = True
# Paths carry the secrets of links: they are written nowhere (T-21).
accesslog = None
loglevel = "warning"
control_socket_disable = True


def on_starting(_server: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Raise the limit of file descriptors to the maximum."""
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def when_ready(_server: Any) -> None:  # noqa: ANN401
    """Before the first fork, exclude existing objects from garbage collection, so that they stay
    shared.
    """
    gc.collect()
    gc.freeze()


def post_fork(_server: Any, worker: Any) -> None:  # noqa: ANN401
    """Make each worker end with its master."""
    die_with(worker.ppid)
