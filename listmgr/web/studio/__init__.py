"""The staff side: every page behind a sign-in, every route behind a right."""

from __future__ import annotations

from flask import Flask
from flask_bootstrap import Bootstrap5
from werkzeug.routing import IntegerConverter

from listmgr.web.studio import errors, fact_values, navigation, session, show
from listmgr.web.studio.guard import GuardedBlueprint, csrf, enforce

bp = GuardedBlueprint("studio", __name__, url_prefix="/studio")
bp.before_request(enforce)
bp.context_processor(navigation.names)
errors.init_app(bp)

from listmgr.web.studio import (  # noqa: E402
    account,
    api_keys,
    audit,
    bulk,
    campaign_files,
    campaigns,
    card_asking,
    card_rights,
    card_taking,
    cards,
    dashboard,
    entering,
    exports,
    fields,
    forms,
    imports,
    lists,
    notices,
    operators,
    person,
    pocket,
    proofs,
    record,
    segments,
    senders,
    sending,
    subscribers,
    unmailed,
)

__all__ = [
    "account",
    "api_keys",
    "audit",
    "bp",
    "bulk",
    "campaign_files",
    "campaigns",
    "card_asking",
    "card_rights",
    "card_taking",
    "cards",
    "dashboard",
    "entering",
    "exports",
    "fields",
    "forms",
    "imports",
    "init_app",
    "lists",
    "notices",
    "operators",
    "person",
    "pocket",
    "proofs",
    "record",
    "segments",
    "senders",
    "sending",
    "subscribers",
    "unmailed",
]


class KeyOrNone(IntegerConverter):
    """The same, where 0 stands for what has no row of its own."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **(options | {"min": 0, "max": 2**63 - 1}))  # type: ignore[arg-type]


class Key(IntegerConverter):
    """A number of a row in a link; a larger one than the database knows is no page."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **(options | {"min": 1, "max": 2**63 - 1}))  # type: ignore[arg-type]


def init_app(app: Flask) -> None:
    """Register the staff side; nothing of it touches the public pages."""
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
    show.init_app(app)
    fact_values.init_app(app)
    app.url_map.converters["key"] = Key
    app.url_map.converters["key_or_none"] = KeyOrNone
    app.register_blueprint(bp)
