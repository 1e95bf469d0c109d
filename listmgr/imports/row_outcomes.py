"""The possible outcomes of a row: applied, left unchanged or refused."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from listmgr.kit.i18n import N_


class RowOutcome(enum.StrEnum):
    """Outcome of a row, in the page's order."""

    NEW = "new"
    CONFIRMED = "confirmed"
    NO_EVIDENCE = "no_evidence"
    KNOWN = "known"
    FILLED = "filled"
    UNCHANGED = "unchanged"
    OPTED_OUT = "opted_out"
    DUPLICATE = "duplicate"
    STOPPED = "stopped"
    SUPPRESSED = "suppressed"
    RESTRICTED = "restricted"
    WITHDRAWN = "withdrawn"
    OUTDATED = "outdated"
    BAD_ADDRESS = "bad_address"
    BAD_VALUE = "bad_value"
    UNCLEAR = "unclear"
    BAD_ROW = "bad_row"


_V = RowOutcome

# A person or a consent is begun by these rows.
TAKEN_IN = frozenset({_V.NEW, _V.CONFIRMED, _V.NO_EVIDENCE, _V.KNOWN})
ACCEPTED = TAKEN_IN | {_V.FILLED, _V.UNCHANGED, _V.OPTED_OUT}
# These come back as a file.
REFUSED = frozenset(_V) - ACCEPTED
# What the file alone decides: the same whenever it is read, so a run takes it from the look before.
BY_FILE = frozenset({_V.DUPLICATE, _V.STOPPED})
# What the row and the plan alone decide.
BY_ROW = frozenset({_V.BAD_ADDRESS, _V.BAD_VALUE, _V.UNCLEAR, _V.BAD_ROW})

REASONS: Mapping[RowOutcome, str] = {
    _V.DUPLICATE: N_("The person stands further up in this file."),
    _V.STOPPED: N_("Another row of this file says that the person opted out."),
    _V.SUPPRESSED: N_("The address is blocked. Only the person's own confirmation lifts it."),
    _V.RESTRICTED: N_("Processing of this person's data is restricted; nothing is changed."),
    _V.WITHDRAWN: N_("The person has unsubscribed or declined before."),
    _V.OUTDATED: N_("The person opted out there, and has confirmed here since."),
}


class Meaning(enum.StrEnum):
    """What a file says about a person's subscription."""

    SUBSCRIBED = "subscribed"
    UNCONFIRMED = "unconfirmed"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


STOPS = frozenset({Meaning.UNSUBSCRIBED, Meaning.BOUNCED, Meaning.COMPLAINED})
