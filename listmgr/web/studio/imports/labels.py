"""Labels of outcomes, states and columns of imports."""

from __future__ import annotations

import re

from flask_babel import gettext as _

from listmgr.imports.plan import Target
from listmgr.imports.row_outcomes import (
    Meaning,
    RowOutcome,
)
from listmgr.kit.i18n import N_
from listmgr.web.labels import named

_T, _V, _M = Target, RowOutcome, Meaning


# A verdict in a few words.
verdict_name = named(
    {
        _V.NEW: N_("new, captured"),
        _V.CONFIRMED: N_("new, confirmed by the file's evidence"),
        _V.NO_EVIDENCE: N_("new, captured: evidence incomplete"),
        _V.KNOWN: N_("existing, captured for this purpose"),
        _V.FILLED: N_("existing, fields updated"),
        _V.UNCHANGED: N_("existing, nothing to change"),
        _V.OPTED_OUT: N_("opted out there: blocked here"),
        _V.DUPLICATE: N_("twice in the file"),
        _V.STOPPED: N_("opted out in another row"),
        _V.SUPPRESSED: N_("blocked address"),
        _V.RESTRICTED: N_("processing restricted"),
        _V.WITHDRAWN: N_("withdrawn before"),
        _V.OUTDATED: N_("opt-out older than the confirmation here"),
        _V.BAD_ADDRESS: N_("no valid address"),
        _V.BAD_VALUE: N_("a value that does not fit its field"),
        _V.UNCLEAR: N_("unclear status"),
        _V.BAD_ROW: N_("unreadable row"),
    }
)

# The name of an import's station.
import_state = named(
    {
        "uploaded": N_("to map"),
        "checking": N_("checking"),
        "checked": N_("checked"),
        "running": N_("running"),
        "paused": N_("paused"),
        "done": N_("done"),
        "cancelled": N_("cancelled"),
    }
)

# What a status means for us.
meaning_name = named(
    {
        _M.SUBSCRIBED: N_("subscribed"),
        _M.UNCONFIRMED: N_("not confirmed"),
        _M.UNSUBSCRIBED: N_("opted out"),
        _M.BOUNCED: N_("undeliverable"),
        _M.COMPLAINED: N_("complained of spam"),
    }
)

# What a column is called that the file gives no name.
_NAMELESS = re.compile(r"Column (\d+)\Z")


def column_name(label: str) -> str:
    """Return the file's name of a column, or its number."""
    match = _NAMELESS.match(label)
    return str(_("Column %(number)s", number=match[1])) if match else label


def target_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the targets of a column beside fields, in groups."""
    return [
        (
            _("Also of the person"),
            [
                (_T.FULL_NAME, _("Full name, to be split")),
                (_T.TAGS, _("Tags")),
                (_T.ATTRIBUTES, _("Several fields as JSON")),
            ],
        ),
        (
            _("Where the person stands there"),
            [
                (_T.STATUS, _("Status, in a word")),
                (_T.CONFIRMED, _("Has confirmed: yes or no")),
                (_T.WANTS_MAIL, _("Wants mail: yes or no")),
                (_T.OPTED_OUT, _("Opted out: yes or no")),
                (_T.OPTED_OUT_AT, _("When the person opted out")),
                (_T.BOUNCED, _("Undeliverable: yes, no or why")),
                (_T.COMPLAINED, _("Complained of spam: yes or no")),
            ],
        ),
        (
            _("Evidence of the consent"),
            [
                (_T.AGREED_AT, _("When the person agreed")),
                (_T.IP, _("Network address (IP) of the act")),
                (_T.PROOF, _("Another proof of the act")),
                (_T.HOW, _("How the person agreed")),
                (_T.WORDS, _("Consent text")),
                (_T.SYSTEM, _("In which system")),
            ],
        ),
    ]
