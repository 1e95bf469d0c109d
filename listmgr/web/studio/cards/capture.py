"""Capture cards: photo, file, pasted text or typed; then watch them being read."""

from __future__ import annotations

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from listmgr.cards import (
    inbox,
    manual_entry,
    occasions,
    review,
)
from listmgr.cards.models import CardSource
from listmgr.cards.review import CardWords
from listmgr.cards.upload import (
    MAX_BYTES,
    CaptureFacts,
    Upload,
    receive,
)
from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    form_values,
    log_audit,
    read_only_transaction,
    write_transaction,
)

# Some pictures at once, each in its own bounds.
MOST = 5 * MAX_BYTES


@bp.get("/cards/new")
@requires(Right.EDIT_CARDS)
def new_cards() -> str:
    """Show the form for photos, files and pasted text."""
    return _page("studio/cards/new.html", {})


@bp.post("/cards/new")
@requires(Right.EDIT_CARDS, most=MOST)
def take_cards() -> ResponseReturnValue:
    """Store everything; what cannot be accepted is named and does not affect the rest."""
    wrong: dict[str, str] = {}
    handed = _handed_in()
    taken = [upload for upload in handed if _take(upload, wrong)]
    if not handed:
        wrong["content"] = _("Choose a picture or a file, or paste text.")
    if not taken:
        return _page("studio/cards/new.html", wrong), 422
    for problem in wrong.values():
        flash(_(problem), "danger")
    return redirect(url_for("studio.cards"), 303)


@bp.get("/cards/type")
@requires(Right.EDIT_CARDS)
def type_card() -> str:
    """Show the empty form of a card."""
    return _page(
        "studio/cards/type.html", {}, words=CardWords(language=current_operator().language)
    )


@bp.post("/cards/type")
@requires(Right.EDIT_CARDS)
def save_typed_card() -> ResponseReturnValue:
    """Add a typed card to the inbox like any other."""
    words = form_values(CardWords)
    try:
        with write_transaction() as tx:
            card = manual_entry.create_manually(tx, words, facts(), key=_key(), at=now())
            log_audit(tx, AuditAction.CARD_CAPTURED, card.id if card else 0, source="typed")
    except InvalidInput as error:
        return _page("studio/cards/type.html", error.fields, words=words), 422
    if card is None:
        return redirect(url_for("studio.cards"), 303)
    return redirect(url_for("studio.card_page", card_id=card.id), 303)


@bp.get("/cards/reading")
@requires(Right.SEE_CARDS)
def cards_being_read() -> str:
    """Return the progress of reading, which the inbox polls."""
    with read_only_transaction() as tx:
        reading = inbox.being_read(tx.session, current_operator().id)
    return render_template("studio/cards/reading.html", being_read=reading)


@bp.post("/cards/uploads/<key:upload_id>/noted")
@requires(Right.EDIT_CARDS)
def dismiss_unread(upload_id: int) -> ResponseReturnValue:
    """Dismiss an upload that could not be read."""
    with write_transaction() as tx:
        review.take_note(tx, upload_id, operator_id=current_operator().id)
    return redirect(url_for("studio.cards"), 303)


def facts() -> CaptureFacts:
    """Return who took the card, when, where and what was said, from the form."""
    return CaptureFacts(
        operator_id=current_operator().id,
        taken_at=_local_time(request.form.get("taken_at", "")),
        occasion=request.form.get("occasion", ""),
        said=request.form.get("said", ""),
        notice_by_hand="notice_by_hand" in request.form,
    )


def is_picture(file: FileStorage) -> bool:
    """Whether the browser calls it a picture; reading the content decides."""
    return (file.mimetype or "").startswith("image/")


def _handed_in() -> list[Upload]:
    reason = request.form.get("keep_reason", "") if "keep" in request.form else ""
    files = [*request.files.getlist("photo"), *request.files.getlist("file")]
    uploads = [
        Upload(
            CardSource.PHOTO if is_picture(file) else CardSource.FILE,
            file.read(),
            file.filename or "",
            keep_reason=reason,
            idempotency_key=_key(number),
        )
        for number, file in enumerate(files)
        if file.filename
    ]
    pasted = request.form.get("text", "").strip()
    if pasted:
        uploads.append(Upload(CardSource.TEXT, pasted.encode(), idempotency_key=_key("text")))
    return uploads


def _take(handed: Upload, wrong: dict[str, str]) -> bool:
    """Accept one of several uploads without affecting the others."""
    try:
        with write_transaction() as tx:
            upload = receive(tx, facts(), handed, at=now())
            log_audit(tx, AuditAction.CARD_UPLOAD_RECEIVED, upload.id, source=handed.source.value)
    except InvalidInput as error:
        wrong.update(error.fields)
        return False
    return True


def _key(part: object = "") -> str | None:
    """Return the form's idempotency key: a form sent twice by a double click counts once."""
    key = request.form.get("key", "")[:100]
    return f"{key}-{part}" if key else None


def _local_time(text: str) -> datetime:
    """Return a time field's value in the configured zone; now if it is empty."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return now()
    return typed.replace(tzinfo=ZoneInfo(services().settings.timezone))


def _page(template: str, errors: dict[str, str], *, words: CardWords | None = None) -> str:
    with read_only_transaction() as tx:
        last = occasions.last_of(tx.session, current_operator().id)
        offered = occasions.offered(tx.session)
    return render_template(
        template,
        errors=errors,
        values=request.form,
        words=words,
        # Nothing has been taken under the key of a form that is shown again.
        key=secrets.token_urlsafe(12),
        occasion=request.form.get("occasion", last),
        offered=offered,
    )
