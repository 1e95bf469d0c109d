"""Create and edit campaigns; two writers cannot overwrite each other's draft."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import (
    MAX_LINE,
    Validator,
)
from listmgr.lists.models import Purpose
from listmgr.segments.models import Segment

MAX_BODY = 500_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What a writer may change. An empty `plain_text` is generated from the body."""

    name: str
    purpose_id: int
    subject: str = ""
    format: str = "markdown"
    body: str = ""
    plain_text: str = ""
    audience_segment_id: int | None = None
    exclusion_segment_id: int | None = None


class WrittenMeanwhile(Refused):
    """Somebody else saved the campaign since it was opened; nothing of either is lost."""


def create(tx: Transaction, draft: Draft, *, operator_id: int | None, at: datetime) -> Campaign:
    """Create a draft. Raises InvalidInput with a message for each field."""
    purpose, values = _checked(tx, draft)
    campaign = Campaign(list_id=purpose.list_id, created_by=operator_id, created_at=at, **values)
    tx.session.add(campaign)
    tx.session.flush()
    return campaign


def save(tx: Transaction, campaign_id: int, draft: Draft, *, revision: int) -> Campaign:
    """Save a draft opened at `revision`. Raises WrittenMeanwhile, Refused or InvalidInput."""
    campaign = lock_campaign(tx, campaign_id)
    if campaign.status is not CampaignStatus.DRAFT:
        raise Refused(
            N_(
                "This campaign has been launched, so its content can no longer be "
                "edited. Copy it instead."
            )
        )
    if campaign.revision != revision:
        raise WrittenMeanwhile(
            N_(
                "Somebody else saved this campaign while you were writing. Your text is kept below;"
                " compare it with theirs and save again to replace it."
            )
        )
    purpose, values = _checked(tx, draft)
    campaign.list_id = purpose.list_id
    for name, value in values.items():
        setattr(campaign, name, value)
    campaign.revision += 1
    return campaign


def copy(tx: Transaction, campaign_id: int, *, operator_id: int | None, at: datetime) -> Campaign:
    """Create a draft with the content of another campaign."""
    original = lock_campaign(tx, campaign_id)
    values = {field.name: getattr(original, field.name) for field in fields(Draft)}
    values["name"] = f"{original.name[: MAX_LINE - 8]} (copy)"
    return create(tx, Draft(**values), operator_id=operator_id, at=at)


def delete_draft(tx: Transaction, campaign_id: int) -> None:
    """Delete a draft; a launched campaign stays for ever."""
    campaign = lock_campaign(tx, campaign_id)
    if campaign.status is not CampaignStatus.DRAFT:
        raise Refused(N_("Only a draft can be deleted. What was sent stays on record."))
    tx.session.delete(campaign)


def lock_campaign(tx: Transaction, campaign_id: int) -> Campaign:
    """Return the campaign, locked until the commit. Raises NotFound."""
    # FOR NO KEY UPDATE: the check of a lease's foreign key, which comes later, need not wait.
    campaign = tx.session.get(
        Campaign, campaign_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if campaign is None:
        raise NotFound(N_("There is no such campaign."))
    return campaign


def _checked(tx: Transaction, draft: Draft) -> tuple[Purpose, dict[str, str | int | None]]:
    """Return the purpose and the validated values. Raises InvalidInput naming all that is wrong."""
    typed = Validator()
    values: dict[str, str | int | None] = {
        "name": typed.line(
            "name", draft.name, missing=N_("Give the campaign a name; only your team sees it.")
        ),
        "subject": typed.line("subject", draft.subject),
        "body": typed.text("body", draft.body, limit=MAX_BODY),
        "plain_text": typed.text("plain_text", draft.plain_text, limit=MAX_BODY),
        "format": draft.format,
        "purpose_id": draft.purpose_id,
    }
    if draft.format not in {"markdown", "html"}:
        typed.wrong["format"] = N_("Choose Markdown or HTML.")
    purpose = tx.session.get(Purpose, draft.purpose_id)
    if purpose is None or purpose.mailing_list.archived_at is not None:
        typed.wrong["purpose_id"] = N_("Choose who the campaign is for.")
    for name in ("audience_segment_id", "exclusion_segment_id"):
        values[name] = segment_id = getattr(draft, name)
        if segment_id is not None and tx.session.get(Segment, segment_id) is None:
            typed.wrong[name] = N_("This segment is not there any more. Choose another.")
    typed.done()
    assert purpose is not None
    return purpose, values
