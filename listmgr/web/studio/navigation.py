"""The studio's menu, by permission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from listmgr.operators.roles import Right, may


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of the menu."""

    endpoint: str
    label: str
    icon: str
    right: Right

    @property
    def is_here(self) -> bool:
        """Whether the current page belongs to this item."""
        own = url_for(self.endpoint)
        # The overview, at "/", is above all pages and belongs to none of them.
        below = not own.endswith("/") and request.path.startswith(f"{own}/")
        return below or request.path == own


def entries() -> list[Entry]:
    """Return the items the operator may open."""
    permitted = [
        Entry("studio.dashboard", _("Overview"), "grid-1x2", Right.ENTER),
        Entry("studio.campaigns", _("Campaigns"), "send", Right.SEE_CAMPAIGNS),
        Entry("studio.segments", _("Segments"), "funnel", Right.SEE_SEGMENTS),
        Entry("studio.lists", _("Lists"), "envelope-paper", Right.SEE_LISTS),
        Entry("studio.forms", _("Sign-up forms"), "ui-checks", Right.SEE_LISTS),
        Entry("studio.fields", _("Fields"), "card-list", Right.SEE_FIELDS),
        Entry("studio.subscribers", _("Subscribers"), "people", Right.SEE_SUBSCRIBERS),
        Entry("studio.cards", _("Business cards"), "person-vcard", Right.SEE_CARDS),
        Entry("studio.imports", _("Imports"), "upload", Right.SEE_IMPORTS),
        Entry("studio.bulk_acts", _("Mass updates"), "pencil-square", Right.SEE_SUBSCRIBERS),
        Entry("studio.exports", _("Exports"), "file-earmark-arrow-down", Right.SEE_SUBSCRIBERS),
        Entry("studio.senders", _("Senders"), "hdd-network", Right.SEE_SENDERS),
        Entry("studio.operators", _("Operators"), "person-badge", Right.SEE_OPERATORS),
        Entry("studio.api_keys", _("API keys"), "key", Right.EDIT_API_KEYS),
        Entry("studio.audit", _("Audit log"), "journal-check", Right.SEE_AUDIT),
    ]
    return [
        entry
        for entry in permitted
        if entry.endpoint in current_app.view_functions and may(current_user.role, entry.right)
    ]


def names() -> dict[str, Any]:
    """Return the variables of every studio template."""
    if not current_user.is_authenticated:
        return {"operator": None, "menu": [], "allowed": lambda _right: False}
    return {
        "operator": current_user,
        "menu": entries(),
        "allowed": lambda right: may(current_user.role, Right[right]),
    }
