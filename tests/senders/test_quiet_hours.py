"""Quiet hours on the clock of a place: over midnight, on whole days, over summer time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listmgr.kit.validation import Validator
from listmgr.senders.quiet_hours import (
    Quiet,
    QuietHoursForm,
    checked_quiet,
    day_bounds,
)

NIGHTS = Quiet(time(20), time(7), frozenset({6}), "Europe/Berlin")


def berlin(*told: int) -> datetime:
    return datetime(*told, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (berlin(2026, 11, 23, 19, 59), None),
        (berlin(2026, 11, 23, 20), berlin(2026, 11, 24, 7)),
        (berlin(2026, 11, 24, 6, 59), berlin(2026, 11, 24, 7)),
        (berlin(2026, 11, 24, 7), None),
        # Saturday night runs into the quiet Sunday, and that into Monday morning.
        (berlin(2026, 11, 28, 22), berlin(2026, 11, 30, 7)),
        (berlin(2026, 11, 29, 12), berlin(2026, 11, 30, 7)),
        # The night in which clocks go back is an hour longer.
        (berlin(2026, 10, 23, 21), berlin(2026, 10, 24, 7)),
    ],
)
def test_when_it_is_quiet_and_until_when(at: datetime, until: datetime | None):
    assert NIGHTS.until(at) == until
    assert NIGHTS.holds(at) is (until is not None)


def test_when_it_will_be_quiet():
    assert NIGHTS.begins(berlin(2026, 11, 23, 12)) == berlin(2026, 11, 23, 20)
    assert NIGHTS.begins(berlin(2026, 11, 23, 21)) is None
    assert Quiet().begins(berlin(2026, 11, 23, 12)) is None


def test_t27_a_night_of_the_clock_change_ends_by_the_clock_on_the_wall():
    night = Quiet(time(22), time(6), zone="Europe/Berlin")
    begun = berlin(2026, 3, 28, 22)
    end = night.until(begun)
    assert end == berlin(2026, 3, 29, 6)
    assert end - begun == timedelta(hours=7)
    assert [
        (b - a).total_seconds() / 3600
        for a, b in (
            day_bounds(datetime(2026, month, day).date(), "Europe/Berlin")
            for month, day in ((3, 29), (10, 25), (6, 1))
        )
    ] == [23, 25, 24]


@settings(max_examples=60)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.times(),
    st.times(),
    st.frozensets(st.integers(0, 6), max_size=5),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"]),
)
def test_it_is_quiet_until_the_end_and_not_from_then_on(at, begin, end, days, zone):
    quiet = Quiet(begin.replace(microsecond=0), end.replace(microsecond=0), days, zone)
    at = at.replace(tzinfo=UTC)
    until = quiet.until(at)
    if until is None:
        later = quiet.begins(at)
        assert later is None or (later > at and quiet.holds(later))
    else:
        assert until > at
        assert not quiet.holds(until)
        assert quiet.holds(at + (until - at) / 2)


def test_wrong_hours_are_told():
    for told, field in (
        (QuietHoursForm("20:00", ""), "quiet_to"),
        (QuietHoursForm("x", "y"), "quiet_from"),
        (QuietHoursForm("20:00", "20:00"), "quiet_to"),
        (QuietHoursForm(days=tuple(range(7))), "quiet_days"),
        (QuietHoursForm(zone="Europe/Atlantis"), "quiet_zone"),
        (QuietHoursForm(zone="../../etc/passwd"), "quiet_zone"),
    ):
        typed = Validator()
        checked_quiet(typed, told)
        assert field in typed.wrong, told
