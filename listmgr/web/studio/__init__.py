# ruff: noqa: F401
"""The studio for staff: every page requires a sign-in, every route a permission."""

from __future__ import annotations

from flask import Flask
from flask_bootstrap import Bootstrap5
from werkzeug.routing import IntegerConverter

# A view adds its routes to the blueprint when it is imported.
import listmgr.web.studio.audit
import listmgr.web.studio.auth
import listmgr.web.studio.bulk
import listmgr.web.studio.campaigns.audience
import listmgr.web.studio.campaigns.files
import listmgr.web.studio.campaigns.undelivered
import listmgr.web.studio.campaigns.views
import listmgr.web.studio.cards.capture
import listmgr.web.studio.cards.offline
import listmgr.web.studio.cards.outreach
import listmgr.web.studio.cards.rights
import listmgr.web.studio.cards.views
import listmgr.web.studio.dashboard
import listmgr.web.studio.exports
import listmgr.web.studio.imports.views
import listmgr.web.studio.lists.forms
import listmgr.web.studio.lists.purposes
import listmgr.web.studio.lists.sender_settings
import listmgr.web.studio.lists.views
import listmgr.web.studio.segments.views
import listmgr.web.studio.settings.account
import listmgr.web.studio.settings.api_keys
import listmgr.web.studio.settings.fields
import listmgr.web.studio.settings.operators
import listmgr.web.studio.settings.processing_record
import listmgr.web.studio.settings.senders
import listmgr.web.studio.subscribers.actions
import listmgr.web.studio.subscribers.proofs
import listmgr.web.studio.subscribers.views
from listmgr.web.studio import filters, session
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import csrf
from listmgr.web.studio.subscribers import evidence_values

__all__ = ["bp", "init_app"]


class KeyOrNone(IntegerConverter):
    """The same, where 0 stands for something without a row."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **(options | {"min": 0, "max": 2**63 - 1}))  # type: ignore[arg-type]


class Key(IntegerConverter):
    """A row's id in a URL; ids beyond the database's range are not found."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **(options | {"min": 1, "max": 2**63 - 1}))  # type: ignore[arg-type]


def init_app(app: Flask) -> None:
    """Register the studio; public pages are not affected."""
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        # The guard checks each POST of the studio itself; public POSTs carry no token (RFC 8058).
        WTF_CSRF_CHECK_DEFAULT=False,
        # A text somebody wrote at for hours must not be lost; the token ends with the session.
        WTF_CSRF_TIME_LIMIT=None,
        # Our pages send no Referer (T-21), so it cannot be asked for.
        WTF_CSRF_SSL_STRICT=False,
    )
    Bootstrap5(app)
    csrf.init_app(app)
    session.init_app(app)
    filters.init_app(app)
    evidence_values.init_app(app)
    app.url_map.converters["key"] = Key
    app.url_map.converters["key_or_none"] = KeyOrNone
    app.register_blueprint(bp)
