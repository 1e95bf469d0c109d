"""The states of a campaign as one table."""

from __future__ import annotations

import enum

from listmgr.campaigns.models import CampaignStatus
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_


class CampaignAction(enum.StrEnum):
    """Actions that change the state of a campaign."""

    LAUNCH = "launch"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"
    RETRY = "retry"


_S = CampaignStatus
_A = CampaignAction

TRANSITIONS: dict[tuple[CampaignStatus, CampaignAction], CampaignStatus] = {
    (_S.DRAFT, _A.LAUNCH): _S.RUNNING,
    (_S.RUNNING, _A.PAUSE): _S.PAUSED,
    (_S.RUNNING, _A.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _A.FINISH): _S.FINISHED,
    (_S.PAUSED, _A.RESUME): _S.RUNNING,
    (_S.PAUSED, _A.CANCEL): _S.CANCELLED,
    # Trying deliveries again changes nothing for a campaign under way, and reopens a finished one.
    (_S.RUNNING, _A.RETRY): _S.RUNNING,
    (_S.PAUSED, _A.RETRY): _S.PAUSED,
    (_S.FINISHED, _A.RETRY): _S.RUNNING,
}


def next_status(status: CampaignStatus, action: CampaignAction) -> CampaignStatus:
    """Return the state an action leads to. Raises Refused if there is no such transition."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise Refused(
            N_("The campaign has moved on. Reload the page to see its current status.")
        ) from None
