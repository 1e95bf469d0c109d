"""The audience of a campaign among the people who may be mailed: its segments, or what was
frozen.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.kit.sql_condition import Predicate
from listmgr.segments.edit import (
    get_segment,
    tree_of,
)
from listmgr.segments.rules import Group, document_of, within
from listmgr.segments.sql import frozen_predicate


def rule_of(session: Session, campaign: Campaign) -> dict[str, Any] | None:
    """Return a draft's rule as a launch would freeze it, or the frozen rule; None means everybody.

    Raises BrokenRule if a segment cannot be read.
    """
    if campaign.status is not CampaignStatus.DRAFT:
        return campaign.frozen_rule
    chosen = (campaign.audience_segment_id, campaign.exclusion_segment_id)
    tree = within(*(_tree(session, segment_id) for segment_id in chosen))
    return None if tree is None else document_of(tree)


def audience(session: Session, campaign: Campaign) -> Predicate:
    """Return the same as a predicate over `s`. Raises BrokenRule: then nobody may be mailed."""
    return frozen_predicate(rule_of(session, campaign))


def _tree(session: Session, segment_id: int | None) -> Group | None:
    return None if segment_id is None else tree_of(get_segment(session, segment_id))
