"""A condition on one subscriber as SQL over the alias `s`, with bind values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on a row `s` of subscribers; values are always bound, never formatted into it."""

    sql: str
    binds: Mapping[str, object] = field(default_factory=dict)


EVERYBODY = Predicate("true")


def all_of(parts: Sequence[Predicate]) -> Predicate:
    """True if every part is; without parts, everybody. Bind names must differ."""
    return _joined(parts, " AND ") if parts else EVERYBODY


def any_of(parts: Sequence[Predicate]) -> Predicate:
    """True if at least one part is; without parts, nobody. Bind names must differ."""
    return _joined(parts, " OR ") if parts else Predicate("false")


def none_of(part: Predicate) -> Predicate:
    """True if the part is false or unknown."""
    return Predicate(f"({part.sql}) IS NOT TRUE", part.binds)


def _joined(parts: Sequence[Predicate], word: str) -> Predicate:
    binds = {name: value for part in parts for name, value in part.binds.items()}
    if len(binds) != sum(len(part.binds) for part in parts):
        raise ValueError("two conditions bind the same name")
    return Predicate(word.join(f"({part.sql})" for part in parts), binds)
