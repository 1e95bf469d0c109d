"""Translate messages of the domain packages: refusals, faults, reasons for a stop."""

from __future__ import annotations

from flask_babel import gettext as _

from listmgr.campaigns.models import Campaign, PauseCause
from listmgr.kit.i18n import (
    N_,
    LazyMessage,
)


def translate_error(error: Exception) -> str:
    """Return an error's message in the reader's language."""
    # Not str(error): that is a plain copy, which knows no gaps any more.
    return translate(error.args[0] if len(error.args) == 1 else str(error))


def translate(message: str) -> str:
    """Translate a message, and its parameters if they are messages too."""
    if isinstance(message, LazyMessage):
        gaps = {
            name: translate(gap) if isinstance(gap, LazyMessage) else gap
            for name, gap in message.gaps.items()
        }
        return str(_(message.sentence, **gaps))
    return translate_reason(message)


PAUSE_CAUSES = {PauseCause.SERVER_AWAY: N_("The mail server is away")}


def why_paused(campaign: Campaign) -> str:
    """Return why a campaign is paused, with the details."""
    cause = PAUSE_CAUSES.get(campaign.pause_cause) if campaign.pause_cause else None
    words = translate_reason(campaign.pause_reason)
    return f"{_(cause)}: {words}" if cause else words


def translate_reason(reason: str) -> str:
    """Return why a campaign has stopped: our message, then the server's own words."""
    if not reason:
        return ""  # the catalogue's own head stands under the empty text
    for mark in (" (", ": "):
        ours, separator, theirs = reason.partition(mark)
        if separator and ours and _(ours) != ours:
            return f"{_(ours)}{separator}{translate_reason(theirs)}"
    return str(_(reason))
