"""The mapping of a file: what each column means and how its people are added."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# What a column can be, beside a field of the catalogue, which is named by its key.
SKIP = ""


class Target(enum.StrEnum):
    """Targets of columns that are not fields. Their names cannot collide with field names."""

    FULL_NAME = "=full_name"
    TAGS = "=tags"
    ATTRIBUTES = "=attributes"
    STATUS = "=status"
    # Yes is not an opt-out and no proof; no is an opt-out.
    WANTS_MAIL = "=wants_mail"
    OPTED_OUT = "=opted_out"
    OPTED_OUT_AT = "=opted_out_at"
    BOUNCED = "=bounced"
    COMPLAINED = "=complained"
    CONFIRMED = "=confirmed"
    AGREED_AT = "=agreed_at"
    HOW = "=how"
    WORDS = "=words"
    SYSTEM = "=system"
    IP = "=ip"
    PROOF = "=proof"


# Several columns may say these, one after the other; of the rest each has one.
MANY = frozenset(
    {Target.OPTED_OUT, Target.OPTED_OUT_AT, Target.BOUNCED, Target.COMPLAINED, Target.TAGS}
    | {Target.WANTS_MAIL}
)


class Update(enum.StrEnum):
    """What happens to the fields of existing subscribers."""

    FILL = "fill"
    OVERWRITE = "overwrite"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole mapping. `columns` maps a column's name to a field's key or a target."""

    columns: Mapping[str, str] = field(default_factory=dict)
    # Words of the status column beside the usual ones, in small letters.
    words: Mapping[str, str] = field(default_factory=dict)
    # What everybody in a table is; for exports that come as one file a station.
    tables: Mapping[str, str] = field(default_factory=dict)
    language: str = "de"
    update: Update = Update.FILL
    # Whether rows with complete evidence enter as confirmed, and what is true of each of them.
    confirm: bool = False
    how: str = ""
    wording: str = ""
    system: str = ""
    # Which program's export it was taken for.
    foreign: str = ""

    def stored(self) -> dict[str, Any]:
        """Return the plan as JSON stores it."""
        return {**asdict(self), "update": self.update.value}

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Plan:
        """Return the plan from its stored JSON."""
        return cls(**{**stored, "update": Update(stored.get("update", "fill"))})
