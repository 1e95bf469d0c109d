"""Limits of a sender: each second, hour and day, concurrent, and during warm-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from listmgr.senders.quiet_hours import (
    Quiet,
    local_day,
)

# A usual way to make a new address known: twice as much every day.
USUAL_WARM_UP = (50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600)


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum in each period; 0 means none. `at_once`: connections, or mails to a domain."""

    per_second: int = 0
    per_hour: int = 0
    per_day: int = 0
    at_once: int = 0

    @property
    def counts(self) -> bool:
        """Whether mails have to be counted."""
        return bool(self.per_second or self.per_hour or self.per_day)

    @property
    def each_second(self) -> float:
        """The rate that satisfies all limits in the long run; 0 means none."""
        rates = (self.per_second, self.per_hour / 3_600, self.per_day / 86_400)
        return min((float(rate) for rate in rates if rate), default=0.0)


def allowance(steps: Sequence[int], began: date | None, today: date) -> int | None:
    """Return a warm-up plan's limit for a day; None if there is no plan or it is over."""
    if not steps or began is None:
        return None
    step = (today - began).days
    if step < 0:
        return steps[0]
    return steps[step] if step < len(steps) else None


@dataclass(frozen=True, slots=True)
class SendingPolicy:
    """All limits of a sender, as the engine reads them once for each slice.

    `revision` changes with the limits, and counters do not survive such a change.
    """

    sender_id: int = 0
    revision: int = 0
    limit: Limit = field(default_factory=Limit)
    domains: Mapping[str, Limit] = field(default_factory=dict)
    warm_up: tuple[int, ...] = ()
    warm_up_began: date | None = None
    zone: str = "Europe/Berlin"
    quiet: tuple[Quiet, ...] = ()

    def limit_on(self, at: datetime) -> Limit:
        """Return the sender's limit, including the warm-up plan's for that day."""
        step = allowance(self.warm_up, self.warm_up_began, local_day(at, self.zone))
        if step is None:
            return self.limit
        most = min(step, self.limit.per_day) if self.limit.per_day else step
        return replace(self.limit, per_day=most)

    def quiet_until(self, at: datetime) -> datetime | None:
        """Return when all quiet hours that hold now are over."""
        end = None
        while (later := _latest(self.quiet, end or at)) is not None:
            end = later
        return end

    def quiet_begins(self, at: datetime) -> datetime | None:
        """Return when the next quiet hours begin, if none hold now."""
        starts = [start for quiet in self.quiet if (start := quiet.begins(at)) is not None]
        return min(starts, default=None)


def _latest(quiet: Sequence[Quiet], at: datetime) -> datetime | None:
    return max((end for hours in quiet if (end := hours.until(at)) is not None), default=None)
