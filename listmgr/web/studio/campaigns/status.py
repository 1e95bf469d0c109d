"""Progress of a campaign and what it waits for, for its page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import request
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign, CampaignStatus, PauseCause
from listmgr.context import services
from listmgr.delivery.reports.progress import (
    Mark,
    Progress,
    problems,
    progress,
    speed,
)
from listmgr.delivery.reports.sending_status import (
    SendingStatus,
    sending_status,
)
from listmgr.delivery.window import next_due
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import RateLimiter
from listmgr.web.studio.transactions import parse_id


def campaign_standing(session: Session, campaign: Campaign) -> dict[str, object]:
    """Return the values of its page, and of the part that refreshes while it runs."""
    if campaign.status is CampaignStatus.DRAFT:
        return {"campaign": campaign, "stand": None, "problems": [], "pace": None, "mark": {}}
    stand = progress(session, campaign.id)
    pace = speed(campaign, stand, _mark(), now())
    return {
        "campaign": campaign,
        "stand": stand,
        "problems": problems(session, campaign.id, limit=10),
        "pace": pace,
        "next_retry": _next_retry(session, campaign, stand),
        # The next look is told of this one: the speed is between the two, and nothing is kept.
        "mark": _told_later(pace.mark) if pace else {},
        "outlet": _outlet(session, campaign),
        "resumes_itself": campaign.pause_cause is PauseCause.SERVER_AWAY,
    }


def _next_retry(session: Session, campaign: Campaign, stand: Progress) -> datetime | None:
    """Return when it continues if only retries are left, else None."""
    waits = campaign.status is CampaignStatus.RUNNING and stand.deferred and not stand.remaining
    due = next_due(session, campaign.id) if waits else None
    return due and max(due, campaign.waits_until or due, now())


def _outlet(session: Session, campaign: Campaign) -> SendingStatus | None:
    if campaign.status not in {CampaignStatus.RUNNING, CampaignStatus.PAUSED}:
        return None
    context = services()
    return sending_status(session, context.settings, campaign, RateLimiter(context.redis), now())


def _told_later(mark: Mark) -> dict[str, int]:
    return {"at": int(mark.at.timestamp() * 1000), "done": mark.done}


def _mark() -> Mark | None:
    done, at = parse_id(request.args.get("done")), parse_id(request.args.get("at"))
    if done is None or at is None or at > now().timestamp() * 1000:
        return None
    return Mark(datetime.fromtimestamp(at / 1000, UTC), done)
