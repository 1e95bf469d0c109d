"""The permissions of each role, in one table read by every guard."""

from __future__ import annotations

import enum

from listmgr.operators.models import Role


class Right(enum.StrEnum):
    """What a page or an action of the studio requires. Permissions to view come first."""

    ENTER = "enter"
    SEE_LISTS = "see lists"
    SEE_CAMPAIGNS = "see campaigns"
    SEE_FIELDS = "see fields"
    SEE_RECORD = "see record"
    SEE_SEGMENTS = "see segments"
    SEE_SUBSCRIBERS = "see subscribers"
    SEE_PROOFS = "see proofs"
    SEE_IMPORTS = "see imports"
    SEE_OPERATORS = "see operators"
    SEE_SENDERS = "see senders"
    SEE_AUDIT = "see audit"
    SEE_CARDS = "see cards"
    SEE_TEAM_CARDS = "see team cards"
    OWN_ACCOUNT = "own account"
    EDIT_LISTS = "edit lists"
    PUBLISH_NOTICES = "publish notices"
    EDIT_CAMPAIGNS = "edit campaigns"
    SEND_CAMPAIGNS = "send campaigns"
    EDIT_SEGMENTS = "edit segments"
    RECORD_WITHDRAWALS = "record withdrawals"
    EDIT_FIELDS = "edit fields"
    EDIT_SUBSCRIBERS = "edit subscribers"
    EXPORT_SUBSCRIBERS = "export subscribers"
    ERASE_SUBSCRIBERS = "erase subscribers"
    EDIT_OPERATORS = "edit operators"
    IMPORT_SUBSCRIBERS = "import subscribers"
    EDIT_SENDERS = "edit senders"
    EDIT_CARDS = "edit cards"
    EDIT_API_KEYS = "edit api keys"
    EDIT_INSTALLATION = "edit installation"


_R = Right

# Everybody signs in, sees the dashboard and looks after the own account.
EVERYBODY = frozenset({_R.ENTER, _R.OWN_ACCOUNT})
SEEING = frozenset(right for right in Right if right.name.startswith("SEE_"))

RIGHTS: dict[Role, frozenset[Right]] = {
    # Marketers write to people by consent, not by name: they see counts, never a person (L-37).
    Role.MARKETER: EVERYBODY
    | {_R.SEE_LISTS, _R.SEE_CAMPAIGNS, _R.EDIT_LISTS, _R.EDIT_CAMPAIGNS, _R.SEND_CAMPAIGNS}
    | {_R.SEE_FIELDS, _R.SEE_SEGMENTS, _R.EDIT_SEGMENTS},
    # Who takes cards sees those they took themselves; who leads the team sees the team's.
    Role.SALES: EVERYBODY | {_R.SEE_LISTS, _R.SEE_CARDS, _R.EDIT_CARDS, _R.EDIT_API_KEYS},
    Role.HEAD_OF_SALES: EVERYBODY
    | {_R.SEE_LISTS, _R.SEE_CARDS, _R.SEE_TEAM_CARDS, _R.EDIT_CARDS, _R.EDIT_API_KEYS},
    Role.SERVICE: EVERYBODY
    | {_R.SEE_LISTS, _R.SEE_FIELDS, _R.SEE_SUBSCRIBERS, _R.SEE_IMPORTS}
    | {_R.RECORD_WITHDRAWALS, _R.EDIT_SUBSCRIBERS},
    Role.PRIVACY: EVERYBODY
    | {
        _R.SEE_LISTS,
        _R.SEE_CAMPAIGNS,
        _R.SEE_SEGMENTS,
        _R.SEE_SUBSCRIBERS,
        _R.SEE_IMPORTS,
        _R.SEE_PROOFS,
        _R.SEE_AUDIT,
        _R.SEE_SENDERS,
    }
    | {_R.PUBLISH_NOTICES, _R.RECORD_WITHDRAWALS, _R.SEE_CARDS, _R.SEE_TEAM_CARDS}
    | {_R.SEE_FIELDS, _R.EDIT_FIELDS, _R.SEE_RECORD}
    | {_R.EDIT_SUBSCRIBERS, _R.EXPORT_SUBSCRIBERS, _R.ERASE_SUBSCRIBERS},
    Role.ADMINISTRATOR: frozenset(Right),
    Role.AUDITOR: EVERYBODY | SEEING,
}


def may(role: Role, right: Right) -> bool:
    """Whether a role has a permission."""
    return right in RIGHTS[role]
