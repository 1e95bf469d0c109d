"""Find campaigns by id, or list them newest first."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from listmgr.campaigns.models import Campaign
from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_

PAGE = 25


@dataclass(frozen=True, slots=True)
class Page:
    """Some campaigns, and the id the next page continues before."""

    rows: list[Campaign]
    older: int | None


def campaigns(session: Session, *, before: int | None = None) -> Page:
    """Return a page by key: it costs the same however many there are."""
    query = sa.select(Campaign).options(joinedload(Campaign.mailing_list))
    if before is not None:
        query = query.where(Campaign.id < before)
    rows = list(session.scalars(query.order_by(Campaign.id.desc()).limit(PAGE + 1)))
    return Page(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def find_campaign(session: Session, campaign_id: int) -> Campaign:
    """Return the campaign. Raises NotFound."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound(N_("There is no such campaign."))
    return campaign
