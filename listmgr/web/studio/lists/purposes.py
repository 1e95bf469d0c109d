"""Pages of a list's purposes and the wording people agree to."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.consent.consent_statistics import confirmed_before
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.languages import LANGUAGES
from listmgr.lists import purposes
from listmgr.lists.edit import find_list
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import (
    log_audit,
    read_only_transaction,
    write_transaction,
)

_PURPOSE = ("slug", "name_de", "name_en")


@bp.get("/lists/<key:list_id>/purposes/new")
@requires(Right.EDIT_LISTS)
def new_purpose(list_id: int) -> str:
    """Show the empty form."""
    return _purpose_form(list_id, {})


@bp.post("/lists/<key:list_id>/purposes/new")
@requires(Right.EDIT_LISTS)
def create_purpose(list_id: int) -> ResponseReturnValue:
    """Create the purpose; its wording comes next."""
    values = {name: request.form.get(name, "") for name in _PURPOSE}
    try:
        with write_transaction() as tx:
            purpose = purposes.add_purpose(tx, list_id, **values)
            log_audit(tx, AuditAction.PURPOSE_CREATED, purpose.id)
    except InvalidInput as error:
        return _purpose_form(list_id, error.fields), 422
    return redirect(url_for("studio.purpose_page", purpose_id=purpose.id), 303)


@bp.get("/lists/purposes/<key:purpose_id>")
@requires(Right.SEE_LISTS)
def purpose_page(purpose_id: int) -> str:
    """Show every version of the wording, newest first."""
    with read_only_transaction() as tx:
        purpose = purposes.find_purpose(tx.session, purpose_id)
        return render_template("studio/lists/purpose.html", purpose=purpose)


@bp.get("/lists/purposes/<key:purpose_id>/publish")
@requires(Right.PUBLISH_NOTICES)
def new_notice(purpose_id: int) -> str:
    """Show the form for the next version, filled with the present one."""
    return _notice_form(purpose_id, {})


@bp.post("/lists/purposes/<key:purpose_id>/publish")
@requires(Right.PUBLISH_NOTICES)
def publish_notice(purpose_id: int) -> ResponseReturnValue:
    """Publish it; earlier agreements keep their wording."""
    renewal = "demands_renewal" in request.form
    try:
        with write_transaction() as tx:
            [first, *_more] = purposes.publish_notice(
                tx,
                purpose_id,
                words={lang: request.form.get(f"words_{lang}", "") for lang in LANGUAGES},
                privacy_version=request.form.get("privacy_version", ""),
                demands_renewal=renewal,
                at=now(),
            )
            log_audit(
                tx,
                AuditAction.PURPOSE_NOTICE_PUBLISHED,
                purpose_id,
                version=first.version,
                renew=renewal,
            )
    except InvalidInput as error:
        return _notice_form(purpose_id, error.fields), 422
    flash(_("Published. From now on people agree to this text."))
    return redirect(url_for("studio.purpose_page", purpose_id=purpose_id), 303)


def _purpose_form(list_id: int, errors: dict[str, str]) -> str:
    with read_only_transaction() as tx:
        mailing_list = find_list(tx.session, list_id)
    return render_template(
        "studio/lists/purpose_edit.html",
        mailing_list=mailing_list,
        values=request.form,
        errors=errors,
    )


def _notice_form(purpose_id: int, errors: dict[str, str]) -> str:
    with read_only_transaction() as tx:
        purpose = purposes.find_purpose(tx.session, purpose_id)
        newest = max((notice.version for notice in purpose.notices), default=0)
        present = {f"words_{n.language}": n.words for n in purpose.notices if n.version == newest}
        return render_template(
            "studio/lists/publish.html",
            purpose=purpose,
            version=newest + 1,
            agreed=confirmed_before(tx.session, purpose_id, newest + 1),
            values=request.form or present,
            errors=errors,
        )
