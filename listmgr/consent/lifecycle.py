"""The states of a consent as one table."""

from __future__ import annotations

import enum


class ConsentStatus(enum.StrEnum):
    """State of a consent. Only CONFIRMED may be mailed; the last four are final."""

    CAPTURED = "captured"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


class ConsentAction(enum.StrEnum):
    """Actions that change the state of a consent. Reading accepts earlier words."""

    CAPTURE = "capture"
    REQUEST = "request"
    REQUEST_SENT = "request_sent"
    CONFIRM = "confirm"
    CONFIRM_IMPORTED = "confirm_imported"
    REFUSE = "refuse"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    ERASE = "erase"

    @classmethod
    def _missing_(cls, value: object) -> ConsentAction | None:
        return _EARLIER.get(str(value))


# Until migration 0083. Events are never rewritten, since their hash covers these words.
_EARLIER = {"ask": ConsentAction.REQUEST, "question_sent": ConsentAction.REQUEST_SENT}


class ForbiddenTransition(Exception):
    """The state does not allow the action."""


_S = ConsentStatus
_A = ConsentAction

OPEN = frozenset({_S.CAPTURED, _S.PENDING, _S.CONFIRMED})
ENDED = frozenset(_S) - OPEN

TRANSITIONS: dict[tuple[ConsentStatus | None, ConsentAction], ConsentStatus] = {
    (None, _A.CAPTURE): _S.CAPTURED,
    (_S.CAPTURED, _A.REQUEST): _S.PENDING,
    # The request may be repeated by the person while it is open; the station stays.
    (_S.PENDING, _A.REQUEST): _S.PENDING,
    (_S.PENDING, _A.REQUEST_SENT): _S.PENDING,
    # The mail server's answer may come after the person's click.
    (_S.CONFIRMED, _A.REQUEST_SENT): _S.CONFIRMED,
    (_S.PENDING, _A.CONFIRM): _S.CONFIRMED,
    # Only an import with complete evidence for the row, told apart for ever by its action.
    (_S.CAPTURED, _A.CONFIRM_IMPORTED): _S.CONFIRMED,
    (_S.PENDING, _A.REFUSE): _S.REFUSED,
    # "This was not me" after the click counts as withdrawal, which keeps the proof.
    (_S.CONFIRMED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.PENDING, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.CAPTURED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.PENDING, _A.EXPIRE): _S.EXPIRED,
    (_S.CAPTURED, _A.EXPIRE): _S.EXPIRED,
    **{(status, _A.ERASE): _S.ERASED for status in _S if status is not _S.ERASED},
}


def next_status(status: ConsentStatus | None, action: ConsentAction) -> ConsentStatus:
    """Return the state an action leads to. Raises ForbiddenTransition if there is no such
    transition.
    """
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise ForbiddenTransition(f"{action} is not possible when {status or 'new'}") from None
