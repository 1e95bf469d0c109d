"""The operator's API keys: create, show once, revoke."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators import api_keys as acts
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    log_audit,
    read_only_transaction,
    write_transaction,
)


@bp.get("/keys")
@requires(Right.EDIT_API_KEYS)
def api_keys() -> str:
    """List the operator's keys."""
    return _page({})


@bp.post("/keys")
@requires(Right.EDIT_API_KEYS)
def make_api_key() -> ResponseReturnValue:
    """Create a key and show it once."""
    name, scopes = request.form.get("name", ""), request.form.getlist("scopes")
    try:
        with write_transaction() as tx:
            key, secret = acts.make_key(
                tx, current_operator().id, name=name, scopes=scopes, at=now()
            )
            log_audit(tx, AuditAction.API_KEY_CREATED, key.id, scopes=key.scopes)
    except InvalidInput as error:
        return _page(error.fields), 422
    return _page({}, secret=secret)


@bp.post("/keys/<key:api_key_id>/revoke")
@requires(Right.EDIT_API_KEYS)
def revoke_api_key(api_key_id: int) -> ResponseReturnValue:
    """Revoke a key at once."""
    with write_transaction() as tx:
        acts.revoke_key(tx, api_key_id, current_operator().id, at=now())
        log_audit(tx, AuditAction.API_KEY_REVOKED, api_key_id)
    flash(_("Revoked. The key opens nothing any more."))
    return redirect(url_for("studio.api_keys"), 303)


def _page(errors: dict[str, str], *, secret: str = "") -> str:
    with read_only_transaction() as tx:
        keys = acts.keys_of(tx.session, current_operator().id)
    return render_template(
        "studio/keys.html",
        keys=keys,
        scopes=list(acts.Scope),
        errors=errors,
        values=request.form,
        secret=secret,
        endpoint=services().settings.link("api/v1/cards"),
    )
