"""One clock for the whole installation: the database's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
import sqlalchemy as sa

from listmgr.kit import clock
from listmgr.kit.rate_limiter import BackOff, RateLimiter


@pytest.fixture(params=[-2, 2], ids=["two days behind", "two days ahead"])
def wrong_clock(request, monkeypatch: pytest.MonkeyPatch, house) -> Iterator[sa.Engine]:
    """A host with a wrong clock; the engine makes a connection whenever it is asked for one."""
    days = timedelta(days=request.param)
    monkeypatch.setattr(clock, "host_now", lambda: datetime.now(UTC) + days)
    engine = sa.create_engine(house.database_url, poolclass=sa.NullPool)
    yield engine
    monkeypatch.undo()
    with engine.connect():
        pass
    engine.dispose()
    assert clock.now() - datetime.now(UTC) < timedelta(seconds=1)


def error() -> timedelta:
    return abs(clock.now() - datetime.now(UTC))


def test_f10_the_time_is_the_databases(wrong_clock: sa.Engine):
    with wrong_clock.connect():
        assert error() < timedelta(seconds=5)


def test_f10_a_clock_that_is_set_right_later_changes_nothing(
    wrong_clock: sa.Engine, monkeypatch: pytest.MonkeyPatch
):
    with wrong_clock.connect():
        monkeypatch.setattr(clock, "host_now", lambda: datetime.now(UTC))
        assert error() < timedelta(seconds=5)


def test_f10_how_long_a_domain_is_left_alone_knows_no_host(wrong_clock: sa.Engine, house):
    with wrong_clock.connect(), redis.Redis.from_url(house.redis_url) as valkey:
        valkey.delete("b")
        limiter = RateLimiter(valkey)
        rule = BackOff(strikes=1, first=60, longest=60)
        until = limiter.heard("b", "x.example", good=0, bad=5, rule=rule, jitter=1.0)
        assert 50 < until - clock.now().timestamp() < 70
        assert limiter.left_alone("b")["x.example"] == pytest.approx(until, abs=5)


def test_f10_a_connection_keeps_its_way_of_committing(wrong_clock: sa.Engine):
    with wrong_clock.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        assert not driver.autocommit
