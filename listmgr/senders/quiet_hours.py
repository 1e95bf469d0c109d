"""Quiet hours: no mail begins then, by a zone's clock and across daylight saving changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PLAIN
from listmgr.kit.i18n import N_
from listmgr.kit.validation import Validator

_LOOKED_AHEAD = 9


@dataclass(frozen=True, slots=True)
class Quiet:
    """A period of the day, over midnight if `end` is earlier, and whole days.

    Days count from 0 = Monday. Without times and days it never holds.
    """

    begin: time | None = None
    end: time | None = None
    days: frozenset[int] = frozenset()
    zone: str = "Europe/Berlin"

    @property
    def is_set(self) -> bool:
        """Whether it can ever hold."""
        return bool(self.days) or self.begin is not None

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        local = at.astimezone(ZoneInfo(self.zone))
        if local.weekday() in self.days:
            return True
        if self.begin is None or self.end is None:
            return False
        clock = local.time()
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end

    def until(self, at: datetime) -> datetime | None:
        """Return when it ends, if it holds now."""
        return self._next(at, quiet=False) if self.is_set and self.holds(at) else None

    def begins(self, at: datetime) -> datetime | None:
        """Return when it begins, if it does not hold now."""
        return self._next(at, quiet=True) if self.is_set and not self.holds(at) else None

    def _next(self, at: datetime, *, quiet: bool) -> datetime | None:
        # Looked for where it can change only: at midnight and at the two times.
        zone = ZoneInfo(self.zone)
        first = at.astimezone(zone).date()
        clocks = [clock for clock in (time(), self.begin, self.end) if clock is not None]
        changes = (
            datetime.combine(first + timedelta(days=ahead), clock, zone).astimezone(UTC)
            for ahead in range(_LOOKED_AHEAD)
            for clock in clocks
        )
        return next((c for c in sorted(changes) if c > at and self.holds(c) is quiet), None)


class QuietColumns:
    """Columns of quiet hours, for tables that have them."""

    quiet_from: Mapped[time | None] = mapped_column(info=PLAIN)
    quiet_to: Mapped[time | None] = mapped_column(info=PLAIN)
    quiet_days: Mapped[list[int]] = mapped_column(
        ARRAY(sa.SmallInteger()), server_default="{}", info=PLAIN
    )
    quiet_zone: Mapped[str] = mapped_column(server_default="Europe/Berlin", info=PLAIN)

    @property
    def quiet(self) -> Quiet:
        """The quiet hours, as a value."""
        return Quiet(
            self.quiet_from,
            self.quiet_to,
            frozenset(self.quiet_days or ()),
            self.quiet_zone or "Europe/Berlin",
        )


@dataclass(frozen=True, slots=True)
class QuietHoursForm:
    """Quiet hours as typed."""

    begin: str = ""
    end: str = ""
    days: tuple[int, ...] = ()
    zone: str = "Europe/Berlin"


def checked_quiet(typed: Validator, form: QuietHoursForm) -> dict[str, object]:
    """Return the columns' values; errors are collected in `typed`."""
    begin, end = _clock(typed, "quiet_from", form.begin), _clock(typed, "quiet_to", form.end)
    if (begin is None) != (end is None):
        typed.wrong.setdefault("quiet_to", N_("Write both times, or none."))
    elif begin is not None and begin == end:
        typed.wrong["quiet_to"] = N_("Both times are the same. Choose whole days instead.")
    days = sorted({day for day in form.days if day in range(7)})
    if len(days) == 7:
        typed.wrong["quiet_days"] = N_("With all seven days quiet no mail could ever go.")
    return {
        "quiet_from": begin,
        "quiet_to": end,
        "quiet_days": days,
        "quiet_zone": checked_zone(typed, "quiet_zone", form.zone),
    }


def checked_zone(typed: Validator, field: str, text: str) -> str:
    """Return the name of a time zone."""
    try:
        return ZoneInfo(typed.line(field, text, limit=64)).key
    except (KeyError, ValueError, OSError):
        typed.wrong[field] = N_("Write a time zone such as Europe/Berlin.")
        return ""


def _clock(typed: Validator, field: str, text: str) -> time | None:
    if not text.strip():
        return None
    try:
        hours, _, minutes = text.strip()[:5].partition(":")
        return time(int(hours), int(minutes))
    except ValueError:
        typed.wrong[field] = N_("Write a time such as 20:00.")
        return None


def local_day(at: datetime, zone: str) -> date:
    """Return the calendar day in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the beginning and end of a day in a zone, 23, 24 or 25 hours apart."""
    begin, end = (
        datetime.combine(midnight, time(), ZoneInfo(zone)).astimezone(UTC)
        for midnight in (day, day + timedelta(days=1))
    )
    return begin, end
