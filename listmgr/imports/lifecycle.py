"""The states of an import as one table: only a checked file can be applied."""

from __future__ import annotations

import enum

from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_


class ImportStatus(enum.StrEnum):
    """State of an import. A run can start only from CHECKED."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class ImportAction(enum.StrEnum):
    """Actions that change the state of an import."""

    DESCRIBE = "describe"
    CHECK = "check"
    CHECKED = "checked"
    RUN = "run"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    CANCEL = "cancel"


_S = ImportStatus
_A = ImportAction

WORKING = frozenset({_S.CHECKING, _S.RUNNING})
ENDED = frozenset({_S.DONE, _S.CANCELLED})

TRANSITIONS: dict[tuple[ImportStatus, ImportAction], ImportStatus] = {
    # Whatever is said anew about the file makes the last look through it worthless.
    (_S.UPLOADED, _A.DESCRIBE): _S.UPLOADED,
    (_S.CHECKING, _A.DESCRIBE): _S.UPLOADED,
    (_S.CHECKED, _A.DESCRIBE): _S.UPLOADED,
    (_S.UPLOADED, _A.CHECK): _S.CHECKING,
    (_S.CHECKING, _A.CHECKED): _S.CHECKED,
    (_S.CHECKED, _A.RUN): _S.RUNNING,
    (_S.RUNNING, _A.PAUSE): _S.PAUSED,
    (_S.PAUSED, _A.RESUME): _S.RUNNING,
    (_S.RUNNING, _A.FINISH): _S.DONE,
    **{(status, _A.CANCEL): _S.CANCELLED for status in _S if status not in ENDED},
}


def next_status(status: ImportStatus, action: ImportAction) -> ImportStatus:
    """Return the state an action leads to. Raises Refused if the table has no such transition."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise Refused(
            N_("The import has moved on. Reload the page to see its current status.")
        ) from None
