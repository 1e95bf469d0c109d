"""The states of a mass update as one table."""

from __future__ import annotations

import enum

from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_


class BulkStatus(enum.StrEnum):
    """State of a mass update."""

    GATHERING = "gathering"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"
    UNDOING = "undoing"
    UNDONE = "undone"


class BulkDeed(enum.StrEnum):
    """Actions of operators on a mass update."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    UNDO = "undo"


_S, _D = BulkStatus, BulkDeed

# A job works on these without being asked again.
BUSY = frozenset({_S.GATHERING, _S.RUNNING, _S.UNDOING})
ENDED = frozenset({_S.CANCELLED, _S.FINISHED, _S.UNDONE})

TRANSITIONS: dict[tuple[BulkStatus, BulkDeed], BulkStatus] = {
    (_S.READY, _D.START): _S.RUNNING,
    (_S.RUNNING, _D.PAUSE): _S.PAUSED,
    (_S.PAUSED, _D.RESUME): _S.RUNNING,
    (_S.GATHERING, _D.CANCEL): _S.CANCELLED,
    (_S.READY, _D.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _D.CANCEL): _S.CANCELLED,
    (_S.PAUSED, _D.CANCEL): _S.CANCELLED,
    # What was done before a cancel can be undone like the whole.
    (_S.CANCELLED, _D.UNDO): _S.UNDOING,
    (_S.FINISHED, _D.UNDO): _S.UNDOING,
}


def next_status(status: BulkStatus, deed: BulkDeed) -> BulkStatus:
    """Return the state an action leads to. Raises Refused if there is no such transition."""
    try:
        return TRANSITIONS[status, deed]
    except KeyError:
        raise Refused(
            N_("This is no longer possible. Reload the page to see the current status.")
        ) from None
