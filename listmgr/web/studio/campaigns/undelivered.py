"""Pages of people who were not mailed, and the buttons that retry."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from listmgr.campaigns.browse import find_campaign
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.context import services
from listmgr.delivery.models import FailureKind
from listmgr.delivery.reports import undelivered
from listmgr.delivery.reports.progress import (
    problems,
    progress,
)
from listmgr.delivery.reports.retry_estimate import (
    Retriable,
    retriable,
)
from listmgr.delivery.resend import (
    ResendScope,
    resend,
)
from listmgr.delivery.retention import deliveries_kept
from listmgr.exports.models import ExportReason
from listmgr.exports.request import checked_reason
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.safe_csv import csv_lines
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.segments.rules import BrokenRule
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.filters import number
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import (
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate_error

MOST_REASONS = 200


@bp.get("/campaigns/<key:campaign_id>/not-mailed")
@requires(Right.SEE_CAMPAIGNS)
def not_mailed(campaign_id: int) -> str:
    """Show the counts by reason."""
    return _not_mailed_page(campaign_id, {})


def _not_mailed_page(campaign_id: int, errors: dict[str, str]) -> str:
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
        draft = campaign.status is CampaignStatus.DRAFT
        stand = None if draft else progress(tx.session, campaign_id)
        again = campaign.status not in {CampaignStatus.DRAFT, CampaignStatus.CANCELLED}
        retry = _retriable(tx.session, campaign) if again and stand and stand.failed else None
        return render_template(
            "studio/campaigns/not_mailed.html",
            campaign=campaign,
            stand=stand,
            problems=[] if draft else problems(tx.session, campaign_id, MOST_REASONS),
            again=again,
            retry=retry,
            retry_words=_can_be_tried(retry, stand.failed) if retry and stand else "",
            held_back=undelivered.HELD_BACK,
            kept=draft or deliveries_kept(tx.session, campaign_id),
            errors=errors,
            reasons=list(ExportReason),
        )


def _retriable(session: Session, campaign: Campaign) -> Retriable:
    try:
        return retriable(session, services().settings, campaign)
    except BrokenRule:
        return Retriable(0, 0, whole=True)


def _can_be_tried(retry: Retriable, failed: int) -> str:
    """Describe how many of the failed recipients a retry would reach, as far as known."""
    counts = {"count": number(retry.count), "looked": number(retry.looked_at)}
    if not retry.offered:
        words = _(
            "None of the failed mails can be retried: the addresses are blocked, or "
            "the people have unsubscribed."
        )
    elif not retry.count:
        words = _(
            "We checked %(looked)s failed mails and none of them can be retried. "
            "There may be some among the others.",
            **counts,
        )
    elif not retry.whole:
        words = _("At least %(count)s of the failed mails can be retried.", **counts)
    elif retry.count < failed:
        words = _(
            "%(count)s of the failed mails can be retried. The other addresses are "
            "blocked, or the people have unsubscribed.",
            **counts,
        )
    else:
        words = ngettext(
            "The failed mail can be retried.",
            "All %(count)s failed mails can be retried.",
            failed,
            **counts,
        )
    return str(words)


@bp.get("/campaigns/<key:campaign_id>/not-mailed/people")
@requires(Right.SEE_SUBSCRIBERS, look=AuditAction.CAMPAIGN_UNDELIVERED_VIEWED)
def not_mailed_people(campaign_id: int) -> str:
    """List the people for one reason."""
    why = request.args.get("why", undelivered.HELD_BACK)[:200]
    kind = FailureKind.parse(why)
    after = parse_id(request.args.get("after")) or 0
    with read_only_transaction() as tx:
        campaign = find_campaign(tx.session, campaign_id)
        page = undelivered.UndeliveredPage([], None)
        if campaign.status is not CampaignStatus.DRAFT:
            page = (
                undelivered.held_back(tx.session, services().settings, campaign, after=after)
                if why == undelivered.HELD_BACK
                else undelivered.by_failure(tx.session, campaign_id, kind, after=after)
            )
        return render_template(
            "studio/campaigns/not_mailed_people.html",
            campaign=campaign,
            page=page,
            why=why,
            kind=kind,
            is_held_back=why == undelivered.HELD_BACK,
        )


@bp.post("/campaigns/<key:campaign_id>/not-mailed.csv")
@requires(Right.EXPORT_SUBSCRIBERS)
def not_mailed_file(campaign_id: int) -> ResponseReturnValue:
    """Download all of them with their reasons, as an export like any other."""
    try:
        reason, words = checked_reason(
            request.form.get("reason", ""), request.form.get("words", "")
        )
    except InvalidInput as error:
        return _not_mailed_page(campaign_id, error.fields), 422
    with write_transaction() as tx:
        find_campaign(tx.session, campaign_id)
        details = {"reason": reason.value, "words": words}
        log_audit(tx, AuditAction.CAMPAIGN_UNDELIVERED_EXPORTED, campaign_id, **details)
    people = undelivered.everybody(read_only_transaction, services().settings, campaign_id)
    name = f'attachment; filename="campaign-{campaign_id}-not-mailed.csv"'
    return Response(
        stream_with_context(csv_lines(_rows(people))),
        mimetype="text/csv",
        headers={"Content-Disposition": name},
    )


def _rows(people: Iterator[undelivered.UndeliveredPerson]) -> Iterator[list[object]]:
    yield ["address", "reason", "at", "next attempt", "subscriber"]
    for person in people:
        yield [person.address, person.why, person.at, person.next_attempt_at, person.subscriber_id]


@bp.post("/campaigns/<key:campaign_id>/again")
@requires(Right.SEND_CAMPAIGNS)
def resend_campaign(campaign_id: int) -> ResponseReturnValue:
    """Retry the failed or the uncertain deliveries."""
    scope = request.form.get("which", "")
    which = ResendScope(scope) if scope in set(ResendScope) else ResendScope.FAILED
    try:
        with write_transaction() as tx:
            count = resend(tx, campaign_id, which)
            log_audit(tx, AuditAction.CAMPAIGN_RETRIED, campaign_id, which=which, count=count)
        flash(_retry_message(count))
    except Refused as error:
        flash(translate_error(error), "danger")
    return redirect(url_for("studio.not_mailed", campaign_id=campaign_id), 303)


def _retry_message(count: int) -> str:
    if not count:
        return str(_("There is nothing to retry."))
    text = ngettext(
        "%(num)s mail will be retried. People who have unsubscribed or are blocked get none.",
        "%(num)s mails will be retried. People who have unsubscribed or are blocked get none.",
        count,
    )
    return str(text)
