"""Checks before a launch: what blocks it and what its author should know."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from listmgr.campaigns.audience import audience
from listmgr.campaigns.models import Campaign
from listmgr.campaigns.rendering import removed_parts
from listmgr.config import Settings
from listmgr.kit.i18n import (
    N_,
    lazy_message,
)
from listmgr.search.reach import is_anybody_reached
from listmgr.segments.rules import BrokenRule


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of the checks. A blocking one must be fixed first.

    `field` is the draft's field it concerns; empty for anything else.
    """

    message: str
    blocks: bool = True
    field: str = ""


def preflight(session: Session, settings: Settings, campaign: Campaign) -> list[Finding]:
    """Return everything wrong with the campaign's content and list; empty if it may be launched."""
    mailing_list = campaign.mailing_list
    findings = []
    if not campaign.subject.strip():
        findings.append(Finding(N_("Write a subject."), field="subject"))
    if not campaign.body.strip():
        findings.append(Finding(N_("Write a text."), field="body"))
    if not mailing_list.imprint.strip():
        findings.append(
            Finding(
                N_("The list has no imprint. Every mail must name its sender (§ 5 DDG); add it.")
            )
        )
    if not mailing_list.sender_address.strip():
        findings.append(Finding(N_("The list has no sender address. Add one to the list.")))
    if mailing_list.archived_at is not None:
        findings.append(Finding(N_("The list is archived. Restore it, or choose another one.")))
    return findings + _nobody(session, settings, campaign) + _hints(campaign)


def _nobody(session: Session, settings: Settings, campaign: Campaign) -> list[Finding]:
    try:
        among = audience(session, campaign)
    except BrokenRule as error:
        return [Finding(str(error))]
    if not is_anybody_reached(session, settings, campaign.purpose_id):
        return [Finding(N_("Nobody can be mailed: no one currently consents to this purpose."))]
    if not is_anybody_reached(session, settings, campaign.purpose_id, among):
        return [Finding(N_("Nobody in the segment currently consents to this purpose."))]
    return []


def _hints(campaign: Campaign) -> list[Finding]:
    hints = []
    if len(campaign.subject) > 70:
        hints.append(
            Finding(
                N_("The subject is long; phones show about 40 characters."),
                blocks=False,
                field="subject",
            )
        )
    if campaign.subject.isupper() and len(campaign.subject) > 10:
        hints.append(
            Finding(N_("A subject in capitals looks like spam."), blocks=False, field="subject")
        )
    if removed := removed_parts(campaign):
        message = lazy_message(
            N_("Removed from the text, because mails must not contain it: %(what)s."),
            what=", ".join(removed),
        )
        hints.append(Finding(message, blocks=False, field="body"))
    return hints
