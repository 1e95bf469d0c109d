"""Files of a campaign: add to a draft, view, remove."""

from __future__ import annotations

from io import BytesIO

from flask import Response, flash, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue

from listmgr.campaigns.files import MAX_ALL, add_file, file_of, remove_file
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import (
    log_audit,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate_error

# What a form writes around its files.
_MOST = MAX_ALL + 200_000


@bp.post("/campaigns/<key:campaign_id>/files")
@requires(Right.EDIT_CAMPAIGNS, most=_MOST)
def add_files(campaign_id: int) -> ResponseReturnValue:
    """Add files to a draft, all of them or none."""
    chosen = {
        upload.filename: upload for upload in request.files.getlist("file") if upload.filename
    }
    name = ""
    try:
        with write_transaction() as tx:
            for name, upload in chosen.items():
                added = add_file(tx, campaign_id, name, upload.read())
                log_audit(tx, AuditAction.CAMPAIGN_FILE_ADDED, campaign_id, file=added.id)
    except (InvalidInput, Refused) as error:
        flash(f"{name}: {translate_error(error)}", "danger")
    return redirect(url_for("studio.campaign_page", campaign_id=campaign_id) + "#files", 303)


@bp.post("/campaigns/<key:campaign_id>/files/<key:file_id>/remove")
@requires(Right.EDIT_CAMPAIGNS)
def delete_campaign_file(campaign_id: int, file_id: int) -> ResponseReturnValue:
    """Remove a file from a draft."""
    try:
        with write_transaction() as tx:
            remove_file(tx, campaign_id, file_id)
            log_audit(tx, AuditAction.CAMPAIGN_FILE_REMOVED, campaign_id, file=file_id)
    except Refused as error:
        flash(translate_error(error), "danger")
    return redirect(url_for("studio.campaign_page", campaign_id=campaign_id) + "#files", 303)


@bp.get("/campaigns/<key:campaign_id>/files/<key:file_id>")
@requires(Right.SEE_CAMPAIGNS)
def campaign_file(campaign_id: int, file_id: int) -> Response:
    """Download the file; its content is never opened on our pages."""
    with read_only_transaction() as tx:
        file = file_of(tx.session, campaign_id, file_id)
        data, name, kind = BytesIO(file.data), file.name, file.media_type
    return send_file(data, mimetype=kind, as_attachment=True, download_name=name)
