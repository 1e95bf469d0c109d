"""The rooms' sentences in the reader's language: refusals, faults, why something has stopped."""

from __future__ import annotations

from flask_babel import gettext as _

from listmgr.campaigns.models import Campaign, PauseCause
from listmgr.kit.i18n import (
    N_,
    LazyMessage,
)


def translate_error(error: Exception) -> str:
    """What a room's refusal tells the reader."""
    # Not str(error): that is a plain copy, which knows no gaps any more.
    return translate(error.args[0] if len(error.args) == 1 else str(error))


def translate(told: str) -> str:
    """A room's sentence in the reader's language, its gaps too where they are sentences."""
    if isinstance(told, LazyMessage):
        gaps = {
            name: translate(gap) if isinstance(gap, LazyMessage) else gap
            for name, gap in told.gaps.items()
        }
        return str(_(told.sentence, **gaps))
    return translate_reason(told)


PAUSE_CAUSES = {PauseCause.SERVER_AWAY: N_("The mail server is away")}


def why_paused(campaign: Campaign) -> str:
    """What has paused a campaign, and what was said about it."""
    cause = PAUSE_CAUSES.get(campaign.pause_cause) if campaign.pause_cause else None
    words = translate_reason(campaign.pause_reason)
    return f"{_(cause)}: {words}" if cause else words


def translate_reason(told: str) -> str:
    """Why a campaign has stopped: our sentence, then the server's own words as they are."""
    if not told:
        return ""  # the catalogue's own head stands under the empty text
    for mark in (" (", ": "):
        ours, found, theirs = told.partition(mark)
        if found and ours and _(ours) != ours:
            return f"{_(ours)}{found}{translate_reason(theirs)}"
    return str(_(told))
