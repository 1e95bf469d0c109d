"""Pages of campaigns: write, preview, test, launch, watch, pause, resume, cancel."""

from __future__ import annotations

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from listmgr.campaigns import compose, control
from listmgr.campaigns.browse import campaigns as find_all
from listmgr.campaigns.browse import find_campaign
from listmgr.campaigns.compose import Draft, WrittenMeanwhile
from listmgr.campaigns.files import TYPES, copy_files, files_of
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.context import services
from listmgr.delivery import sweep
from listmgr.delivery.launch import launch, validate_launch
from listmgr.delivery.message.errors import MessageError
from listmgr.delivery.message.merge_fields import (
    archived_names,
    merge_fields,
)
from listmgr.delivery.preview import (
    Preview,
    preview,
    send_test,
)
from listmgr.delivery.reports.progress import progress_of_many
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.transaction import Transaction
from listmgr.lists.purposes import open_purposes
from listmgr.operators.accounts import operators
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right, may
from listmgr.schema import resource
from listmgr.search.reach import Reach
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.campaigns.audience import (
    CHOSEN,
    audience_offered,
    audience_told,
    reach_of,
    refuse_locked,
)
from listmgr.web.studio.campaigns.status import campaign_standing
from listmgr.web.studio.confirmation_page import confirmation
from listmgr.web.studio.filters import number
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.subscribers.selection import changed_count
from listmgr.web.studio.transactions import (
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate_error

_WORDS = ("name", "subject", "format", "body", "plain_text")
# Up to so many consents a launch is counted one by one; of more its page says "about".
LAUNCH_COUNTED = 100_000
# Fewer people than this are told only to roles that may see persons.
FEWEST_TOLD = 5
# A mail may show itself in its frame, and nothing else: no script, no form, nothing loaded.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'; sandbox"
)


@bp.get("/campaigns")
@requires(Right.SEE_CAMPAIGNS)
def campaigns() -> str:
    """List all campaigns, newest first."""
    before = parse_id(request.args.get("before"))
    with read_only_transaction() as tx:
        page = find_all(tx.session, before=before)
        stands = progress_of_many(tx.session, [campaign.id for campaign in page.rows])
        rows = [(campaign, stands[campaign.id]) for campaign in page.rows]
        return render_template("studio/campaigns/all.html", rows=rows, older=page.older)


@bp.get("/campaigns/<key:campaign_id>")
@requires(Right.SEE_CAMPAIGNS)
def campaign_page(campaign_id: int) -> str:
    """Show one campaign: content, checks, progress."""
    with read_only_transaction() as tx:
        return render_template("studio/campaigns/one.html", **_everything(tx.session, campaign_id))


@bp.get("/campaigns/<key:campaign_id>/progress")
@requires(Right.SEE_CAMPAIGNS)
def campaign_progress(campaign_id: int) -> str:
    """Return the part of the page that refreshes while it runs."""
    with read_only_transaction() as tx:
        return render_template(
            "studio/campaigns/progress.html",
            **campaign_standing(tx.session, find_campaign(tx.session, campaign_id)),
        )


def _everything(session: Session, campaign_id: int) -> dict[str, object]:
    settings, campaign = services().settings, find_campaign(session, campaign_id)
    draft = campaign.status is CampaignStatus.DRAFT
    shown, wrong = _preview(session, campaign)
    return campaign_standing(session, campaign) | {
        "shown": shown,
        "wrong": wrong,
        "findings": validate_launch(session, settings, campaign, resource("templates"))
        if draft
        else [],
        "reached": reach_of(session, campaign) if draft else None,
        **audience_told(session, campaign),
        "files": files_of(session, campaign_id),
        "endings": TYPES,
        "colleagues": [operator for operator in operators(session) if operator.disabled_at is None],
    }


def _preview(session: Session, campaign: Campaign) -> tuple[Preview | None, str]:
    fields, archived = merge_fields(session), archived_names(session)
    settings, templates = services().settings, resource("templates")
    files = files_of(session, campaign.id, whole=True)
    try:
        shown = preview(
            settings,
            campaign,
            templates,
            at=now(),
            fields=fields,
            archived=archived,
            files=files,
        )
    except (MessageError, ValueError) as error:
        return None, translate_error(error)
    return shown, ""


@bp.get("/campaigns/<key:campaign_id>/mail")
@requires(Right.SEE_CAMPAIGNS)
def campaign_mail(campaign_id: int) -> Response:
    """Return the mail as HTML, for the frame of the campaign's page."""
    with read_only_transaction() as tx:
        shown, wrong = _preview(tx.session, find_campaign(tx.session, campaign_id))
    response = Response(
        shown.html if shown else wrong, mimetype="text/html" if shown else "text/plain"
    )
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@bp.get("/campaigns/new")
@requires(Right.EDIT_CAMPAIGNS)
def new_campaign() -> str:
    """Show an empty draft."""
    return _form({"format": "markdown"}, {})


@bp.post("/campaigns/new")
@requires(Right.EDIT_CAMPAIGNS)
def create_campaign() -> ResponseReturnValue:
    """Create the draft."""
    try:
        with write_transaction() as tx:
            draft = _draft()
            refuse_locked(tx.session, draft)
            campaign = compose.create(tx, draft, operator_id=current_operator().id, at=now())
            log_audit(tx, AuditAction.CAMPAIGN_CREATED, campaign.id)
    except InvalidInput as error:
        return _form(request.form, error.fields), 422
    return redirect(url_for("studio.campaign_page", campaign_id=campaign.id), 303)


@bp.get("/campaigns/<key:campaign_id>/edit")
@requires(Right.EDIT_CAMPAIGNS)
def edit_campaign(campaign_id: int) -> str:
    """Show the draft."""
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
    values = {
        name: getattr(campaign, name) for name in (*_WORDS, "purpose_id", "revision", *CHOSEN)
    }
    return _form(values, {}, campaign_id)


@bp.post("/campaigns/<key:campaign_id>/edit")
@requires(Right.EDIT_CAMPAIGNS)
def save_campaign(campaign_id: int) -> ResponseReturnValue:
    """Save the draft, unless a colleague saved it meanwhile: then both texts are kept."""
    revision = parse_id(request.form.get("revision")) or 0
    try:
        with write_transaction() as tx:
            draft = _draft()
            refuse_locked(tx.session, draft, find_campaign(tx.session, campaign_id))
            compose.save(tx, campaign_id, draft, revision=revision)
            log_audit(tx, AuditAction.CAMPAIGN_EDITED, campaign_id)
    except InvalidInput as error:
        return _form(request.form, error.fields, campaign_id), 422
    except WrittenMeanwhile as error:
        return _form(_newer(campaign_id), {"name": str(error)}, campaign_id), 409
    return redirect(url_for("studio.campaign_page", campaign_id=campaign_id), 303)


def _newer(campaign_id: int) -> dict[str, object]:
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
    return dict(request.form) | {"revision": campaign.revision, "theirs": campaign.body}


def _draft() -> Draft:
    words = {name: request.form.get(name, "") for name in _WORDS}
    chosen = {name: parse_id(request.form.get(name)) for name in CHOSEN}
    purpose_id = parse_id(request.form.get("purpose_id")) or 0
    return Draft(purpose_id=purpose_id, **words, **chosen)  # type: ignore[arg-type]


def _form(values: object, errors: dict[str, str], campaign_id: int | None = None) -> str:
    with read_only_transaction() as tx:
        return render_template(
            "studio/campaigns/edit.html",
            purposes=open_purposes(tx.session),
            values=values,
            errors=errors,
            campaign_id=campaign_id,
            merge_fields=merge_fields(tx.session),
            **audience_offered(tx.session, values),
        )


@bp.post("/campaigns/<key:campaign_id>/copy")
@requires(Right.EDIT_CAMPAIGNS)
def copy_campaign(campaign_id: int) -> ResponseReturnValue:
    """Create a draft with the same content."""
    with write_transaction() as tx:
        campaign = compose.copy(tx, campaign_id, operator_id=current_operator().id, at=now())
        copy_files(tx, campaign_id, campaign.id)
        log_audit(tx, AuditAction.CAMPAIGN_COPIED, campaign.id, of=campaign_id)
    return redirect(url_for("studio.edit_campaign", campaign_id=campaign.id), 303)


@bp.post("/campaigns/<key:campaign_id>/delete")
@requires(Right.EDIT_CAMPAIGNS)
def delete_campaign(campaign_id: int) -> ResponseReturnValue:
    """Delete a draft."""
    with write_transaction() as tx:
        compose.delete_draft(tx, campaign_id)
        log_audit(tx, AuditAction.CAMPAIGN_DELETED, campaign_id)
    flash(_("The draft has been deleted."))
    return redirect(url_for("studio.campaigns"), 303)


@bp.post("/campaigns/<key:campaign_id>/test")
@requires(Right.EDIT_CAMPAIGNS)
def test_campaign(campaign_id: int) -> ResponseReturnValue:
    """Send a test to a colleague."""
    to = parse_id(request.form.get("operator_id")) or 0
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
        try:
            send_test(
                tx.session, services().settings, campaign, resource("templates"), to, at=now()
            )
            flash(_("The test mail has been sent."))
        except (Refused, MessageError) as error:
            flash(translate_error(error), "danger")
    return redirect(url_for("studio.campaign_page", campaign_id=campaign_id), 303)


@bp.get("/campaigns/<key:campaign_id>/delete")
@requires(Right.EDIT_CAMPAIGNS)
def confirm_delete_campaign(campaign_id: int) -> ResponseReturnValue:
    """Ask once before a draft is deleted."""
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
        if campaign.status is not CampaignStatus.DRAFT:
            return _to_page(campaign_id)
        return confirmation(
            title=_("Delete this draft?"),
            about=campaign.name,
            sentences=[_("Its text and files have been deleted. Nothing was sent.")],
            button=_("Delete the draft"),
            action=url_for("studio.delete_campaign", campaign_id=campaign_id),
            back=url_for("studio.campaign_page", campaign_id=campaign_id),
        )


@bp.get("/campaigns/<key:campaign_id>/cancel")
@requires(Right.SEND_CAMPAIGNS)
def confirm_cancel_campaign(campaign_id: int) -> ResponseReturnValue:
    """Ask once before a campaign is cancelled, showing what was sent and what was not."""
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
        if campaign.status not in {CampaignStatus.RUNNING, CampaignStatus.PAUSED}:
            return _to_page(campaign_id)
        stand = progress_of_many(tx.session, [campaign_id])[campaign_id]
        sent, rest = stand.sent, stand.remaining + stand.deferred
        return confirmation(
            title=_("Stop this campaign?"),
            about=campaign.name,
            sentences=[
                ngettext(
                    "%(count)s mail has already been sent.",
                    "%(count)s mails have already been sent.",
                    sent,
                    count=number(sent),
                ),
                ngettext(
                    "%(count)s person will no longer be mailed.",
                    "%(count)s people will no longer be mailed.",
                    rest,
                    count=number(rest),
                ),
                _("It cannot be resumed. To stop it for now, pause it instead."),
            ],
            button=_("Stop sending"),
            action=url_for("studio.steer_campaign", campaign_id=campaign_id, deed="cancel"),
            back=url_for("studio.campaign_page", campaign_id=campaign_id),
        )


@bp.get("/campaigns/<key:campaign_id>/launch")
@requires(Right.SEND_CAMPAIGNS)
def confirm_launch(campaign_id: int) -> ResponseReturnValue:
    """Show what a launch would do: how many, what, from whom; nothing starts yet."""
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
        if campaign.status is not CampaignStatus.DRAFT:
            return _to_page(campaign_id)
        shown, _wrong = _preview(tx.session, campaign)
        findings = validate_launch(tx.session, services().settings, campaign, resource("templates"))
        reached = reach_of(tx.session, campaign, counted=LAUNCH_COUNTED)
        return render_template(
            "studio/campaigns/launch.html",
            campaign=campaign,
            shown=shown,
            findings=findings,
            blocked=any(finding.blocks for finding in findings),
            reached=reached,
            count_sent=_count_sent(reached),
            files=files_of(tx.session, campaign_id),
            **audience_told(tx.session, campaign),
        )


_AUDITED = {
    "launch": AuditAction.CAMPAIGN_LAUNCHED,
    "pause": AuditAction.CAMPAIGN_PAUSED,
    "resume": AuditAction.CAMPAIGN_RESUMED,
    "cancel": AuditAction.CAMPAIGN_CANCELLED,
}


@bp.post("/campaigns/<key:campaign_id>/<any(launch, pause, resume, cancel):deed>")
@requires(Right.SEND_CAMPAIGNS)
def steer_campaign(campaign_id: int, deed: str) -> ResponseReturnValue:
    """Launch, pause, resume or cancel."""
    try:
        with write_transaction() as tx:
            if deed == "launch":
                _launch(tx, campaign_id)
            elif deed == "cancel":
                control.cancel(tx, campaign_id, at=now())
            else:
                {"pause": control.pause, "resume": control.resume}[deed](tx, campaign_id)
            if deed in {"launch", "resume"}:
                sweep.enqueue_campaign(tx, campaign_id)
            log_audit(tx, _AUDITED[deed], campaign_id)
    except CountChanged as changed:
        flash(translate_error(changed), "danger")
        return redirect(url_for("studio.confirm_launch", campaign_id=campaign_id), 303)
    except (InvalidInput, Refused) as error:
        flash(translate_error(error), "danger")
    return _to_page(campaign_id)


def _launch(tx: Transaction, campaign_id: int) -> None:
    """Launch to as many people as the operator was shown. Raises CountChanged for another
    number.
    """
    campaign = compose.lock_campaign(tx, campaign_id)
    if campaign.status is CampaignStatus.DRAFT:
        reached = reach_of(tx.session, campaign, counted=LAUNCH_COUNTED)
        sent = request.form.get("count", "")
        if sent != _count_sent(reached):
            raise CountChanged(changed_count(sent, reached.number))
    launch(tx, campaign_id, templates=resource("templates"), at=now())


class CountChanged(Refused):
    """The number of recipients differs from the one the operator was shown."""


def _count_sent(reached: Reach) -> str:
    """Return the number as the form carries it, no more exact than the page may tell."""
    if not reached.exact:
        return "about"
    hidden = 0 < reached.number < FEWEST_TOLD and not may(
        current_operator().role, Right.SEE_SUBSCRIBERS
    )
    return "few" if hidden else str(reached.number)


def _to_page(campaign_id: int) -> ResponseReturnValue:
    return redirect(url_for("studio.campaign_page", campaign_id=campaign_id), 303)
