"""Permits from a real Valkey: exact by a given clock, whole again after a loss."""

from __future__ import annotations

import itertools
import re
import time

import pytest
import redis

from listmgr.kit.rate_limiter import (
    Ask,
    BackOff,
    Grant,
    RateLimiter,
    RateLimiterUnavailable,
    Span,
    UnknownCounter,
)
from listmgr.kit.rate_limiter_scripts import load_scripts

# Ahead of the real clock: Valkey itself forgets what is over.
AT = 2_000_001_600.0
HOUR, DAY = Span(0, int(AT), int(AT) + 3600), Span(0, int(AT), int(AT) + 86_400)


@pytest.fixture
def valkey(house) -> redis.Redis:
    found = redis.Redis.from_url(house.redis_url)
    found.flushall()
    return found


@pytest.fixture
def permits(valkey) -> RateLimiter:
    return RateLimiter(valkey)


def one(permits: RateLimiter, ask: Ask, at: float = AT) -> Grant | UnknownCounter:
    return permits.take([ask], at=at)[0]


def test_a_second_gives_its_rate_however_many_ask(permits):
    """Three take turns; what they get lies evenly on one line of time."""
    moments, clock = [], AT
    while clock < AT + 10:
        for _worker in range(3):
            given = one(permits, Ask("k", 100, per_second=50), clock)
            moments += [clock + given.start + n / 50 for n in range(given.count)]
        clock += 0.05
    assert moments == sorted(moments)
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert min(gaps) > 0.0199
    inside = [at for at in moments if at < AT + 10]
    assert 490 <= len(inside) <= 510


def test_time_unused_is_caught_up_by_the_slack_and_no_more(permits):
    ask = Ask("k", 1000, per_second=100, span=0.2, slack=0.1)
    assert one(permits, ask).count == 20
    late = one(permits, ask, AT + 60)
    assert (late.count, round(late.start, 3)) == (20, -0.1)


def test_without_ahead_only_what_has_come_is_given(permits):
    # A twentieth of a second is credited to begin with; then it is one each tenth.
    ask = Ask("k", 100, per_second=10, ahead=0.0, slack=0.25)
    assert [one(permits, ask, AT + at / 20).count for at in range(5)] == [1, 1, 0, 1, 0]
    assert one(permits, ask, AT + 0.21).why == "second"


def test_hours_and_days_end_and_begin_anew_with_a_given_clock(permits, valkey):
    valkey.set("k:since", 0)

    def ask(begin: int, want: int) -> Ask:
        return Ask("k", want, hour=Span(10, begin, begin + 3600), day=Span(15, DAY.begin, DAY.end))

    assert one(permits, ask(HOUR.begin, 8)).count == 8
    assert one(permits, ask(HOUR.begin, 8)).count == 2
    none = one(permits, ask(HOUR.begin, 8), AT + 600)
    assert (none.count, none.why, none.wait) == (0, "hour", 3000)
    assert one(permits, ask(HOUR.end, 8), AT + 3600).count == 5
    none = one(permits, ask(HOUR.end, 8), AT + 3700)
    assert (none.why, none.wait) == ("day", 86_400 - 3700)
    tomorrow = Ask("k", 8, day=Span(15, DAY.end, DAY.end + 86_400))
    assert one(permits, tomorrow, AT + 86_400).count == 8


def test_unused_permits_go_back(permits, valkey):
    valkey.set("k:since", 0)
    begin = int(time.time()) // 3600 * 3600
    ask = Ask("k", 40, per_second=1000, hour=Span(50, begin, begin + 3600))
    # No worker gets more than a part of what an hour has left.
    assert [permits.take([ask])[0].count for _ in range(3)] == [25, 25, 0]
    assert permits.used(ask) == (50, 0)
    permits.give_back(ask, 30)
    assert permits.used(ask) == (20, 0)
    assert permits.take([ask])[0].count == 25


def test_a_lost_counter_is_asked_for_and_a_new_hour_is_not(permits, valkey):
    begin = int(time.time()) // 3600 * 3600
    ask = Ask("k", 8, hour=Span(10, begin, begin + 3600))
    assert permits.take([ask])[0] == UnknownCounter("k", begin, is_day=False)
    permits.counted(ask, UnknownCounter("k", begin, is_day=False), 7)
    permits.counted(ask, UnknownCounter("k", begin, is_day=False), 0)
    assert permits.take([ask])[0].count == 3
    later = Ask("k", 8, hour=Span(10, begin + 3600, begin + 7200))
    assert one(permits, later, begin + 3601).count == 8
    valkey.flushall()
    assert permits.take([ask])[0] == UnknownCounter("k", begin, is_day=False)


def test_hour_and_day_that_begin_together_are_counted_each(permits):
    begin = int(time.time()) // 3600 * 3600
    ask = Ask("k", 8, hour=Span(10, begin, begin + 3600), day=Span(20, begin, begin + 86_400))
    for count, is_day in ((3, False), (15, True)):
        unknown = UnknownCounter("k", begin, is_day)
        assert permits.take([ask])[0] == unknown
        permits.counted(ask, unknown, count)
    assert permits.take([ask])[0].count == 5


def test_valkey_away_is_said(house):
    with pytest.raises(RateLimiterUnavailable):
        RateLimiter(redis.Redis(port=1, host="127.0.0.1")).take([Ask("k", 1)])


def test_several_keys_are_asked_for_at_once(permits, valkey):
    valkey.mset({"a:since": 0, "b:since": 0})
    asks = [Ask("a", 5, hour=Span(3, int(AT), int(AT) + 3600)), Ask("b", 5), Ask("c", 5, 10.0)]
    assert [given.count for given in permits.take(asks, at=AT)] == [3, 5, 2]


def test_places_are_as_many_as_there_are_and_a_silent_holder_loses_its_own(permits):
    assert permits.enter("c", ["a", "b"], most=3, seconds=30) == 2
    assert permits.enter("c", ["c", "d"], most=3, seconds=30) == 1
    assert permits.enter("c", ["a", "b"], most=3, seconds=30) == 2
    assert permits.inside("c") == 3
    permits.leave("c", ["a", "b"])
    assert permits.enter("c", ["e"], most=2, seconds=0) == 1
    time.sleep(0.01)
    assert permits.enter("c", ["f"], most=2, seconds=30) == 1


def test_who_is_put_off_stands_in_line(permits):
    first = permits.queue("k", 10, rate=10, floor=5)
    second = permits.queue("k", 10, rate=10)
    assert 4.9 < first <= 5.0
    assert 5.9 < second <= 6.0


def test_a_place_that_refuses_is_left_alone_ever_longer_until_it_takes_one(permits):
    rule = {"rule": BackOff(first=0.01, longest=0.05), "jitter": 1.0}
    assert permits.heard("b", "x.example", good=0, bad=2, **rule) == 0
    assert permits.left_alone("b") == {}
    waits = []
    for _ in range(5):
        until = permits.heard("b", "x.example", good=0, bad=1, **rule)
        waits.append(until - time.time())
        time.sleep(max(0, until - time.time()) + 0.005)
    for wait, most in zip(waits, (0.01, 0.02, 0.04, 0.05, 0.05), strict=True):
        assert most - 0.009 < wait <= most
    assert permits.left_alone("b")["x.example"] < time.time()
    permits.heard("b", "x.example", good=1, bad=1, **rule)
    assert permits.left_alone("b") == {}


def test_w09_scripts_are_files_that_read_named_fields(permits):
    scripts = load_scripts()
    assert {"take", "give_back", "spend", "seed", "enter", "queue", "back_off"} <= set(scripts)
    for source in scripts.values():
        # One JSON object; no field is known by its place.
        assert set(re.findall(r"ARGV\[[^]]*\]", source)) == {"ARGV[1]"}
    # As exact as whole numbers of this size can be in JSON.
    given = one(permits, Ask("large", 3, hour=Span(10**12, int(AT), int(AT) + 3600)))
    assert isinstance(given, UnknownCounter)
