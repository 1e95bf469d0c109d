"""The page that works without network: the phone stores cards and sends them later."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from flask import Response, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf

from listmgr.cards import occasions
from listmgr.cards.models import CardSource
from listmgr.cards.upload import (
    MAX_BYTES,
    CaptureFacts,
    Upload,
    receive,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.security import POLICY
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    log_audit,
    read_only_transaction,
    write_transaction,
)

# What the page is made of; the worker keeps these on the phone.
_PARTS = ("studio.css", "pocket.css", "pocket.js", "icon.svg", "pocket.webmanifest")
_POLICY = f"{POLICY}; worker-src 'self'; manifest-src 'self'"
_SENT_MOST = MAX_BYTES + 100_000


@bp.get("/capture/")
@requires(Right.EDIT_CARDS)
def offline_cards() -> Response:
    """Show the page. It contains nothing of the operator, since the phone stores it."""
    answer = Response(render_template("studio/pocket.html"))
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


@bp.get("/capture/worker.js")
@requires(Right.EDIT_CARDS)
def offline_worker() -> Response:
    """Return the service worker; it changes whenever a part of the page does."""
    parts = [url_for("static", filename=name) for name in _PARTS]
    parts.append(url_for("bootstrap.static", filename="css/bootstrap.min.css"))
    values = {"page": url_for("studio.offline_cards"), "parts": parts, "version": _version()}
    script = render_template("studio/pocket_worker.js", **values)
    return Response(script, mimetype="text/javascript")


@bp.get("/capture/token")
@requires(Right.EDIT_CARDS)
def offline_token() -> Response:
    """Return who is signed in and the session's CSRF token, before sending."""
    with read_only_transaction() as tx:
        last = occasions.last_of(tx.session, current_operator().id)
        offered = occasions.offered(tx.session)
    who = {"id": current_operator().id, "name": current_operator().name}
    return jsonify(token=generate_csrf(), operator=who, last=last, occasions=offered)


@bp.post("/capture/send")
@requires(Right.EDIT_CARDS, most=_SENT_MOST)
def send_offline_card() -> ResponseReturnValue:
    """Accept a card the phone stored. The same key is the same card, so nothing is doubled."""
    try:
        with write_transaction() as tx:
            upload = receive(tx, _taken(), _handed_in(), at=now())
            log_audit(tx, AuditAction.CARD_UPLOAD_RECEIVED, upload.id, source=upload.source.value)
    except InvalidInput as error:
        return jsonify(problem=" ".join(_(message) for message in error.fields.values())), 422
    return jsonify(upload=upload.id)


def _taken() -> CaptureFacts:
    try:
        taken_at = datetime.fromtimestamp(int(request.form.get("taken_at", "")) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        taken_at = now()
    return CaptureFacts(
        operator_id=current_operator().id,
        taken_at=taken_at,
        occasion=request.form.get("occasion", ""),
        said=request.form.get("said", ""),
        notice_by_hand="notice_by_hand" in request.form,
    )


def _handed_in() -> Upload:
    key = request.form.get("key") or None
    picture = request.files.get("picture")
    if picture is not None:
        return Upload(CardSource.PHOTO, picture.read(), picture.filename or "", idempotency_key=key)
    text = request.form.get("text", "")
    return Upload(CardSource.TEXT, text.encode(), idempotency_key=key)


def _version() -> str:
    """Return a version of the page, which names each part by its content."""
    page = render_template("studio/pocket.html").encode()
    return hashlib.sha256(page).hexdigest()[:16]
