"""One application for many tests: making one compiles every route, template and statement anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from listmgr.config import Settings
from listmgr.kit.db import db

if TYPE_CHECKING:
    from flask import Flask


class OneApp:
    """Lends the application out; whoever gets it finds it as it was made."""

    def __init__(self) -> None:
        self._made: Flask | None = None
        self._told: Settings | None = None
        self._as_made: tuple[object, ...] = ()

    def lend(self, settings: Settings) -> Flask:
        """With these settings; other ones than the last make another application."""
        from listmgr.app import create_app, services_of

        # Where files lie is asked of the services alone, and each test has its own.
        told = replace(settings, data_dir=Path())
        if self._made is None or told != self._told:
            self.close()
            self._made, self._told = create_app(settings), told
            self._made.testing = True
            self._as_made = _state(self._made)
        self._made.extensions["listmgr"] = services_of(self._made, settings)
        return self._made

    def take_back(self) -> None:
        """What a test has changed is seen by no other."""
        assert self._made is not None
        with self._made.app_context():
            db.session.remove()
        if _state(self._made) != self._as_made:
            self.close()

    def close(self) -> None:
        """Let go of its connections."""
        if self._made is not None:
            with self._made.app_context():
                db.engine.dispose()
        self._made = None


def _state(app: Flask) -> tuple[object, ...]:
    """What could be changed: compared by what it holds, not by which object holds it."""
    hooks = (
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.template_context_processors,
    )
    return (
        dict(app.config),
        dict(app.view_functions),
        [str(rule) for rule in app.url_map.iter_rules()],
        [{name: list(found) for name, found in kind.items()} for kind in hooks],
        dict(app.jinja_env.globals),
        dict(app.jinja_env.filters),
        dict(app.error_handler_spec),
        {name: value for name, value in app.extensions.items() if name not in {"listmgr", "mail"}},
        app.__dict__.get("wsgi_app"),
    )
