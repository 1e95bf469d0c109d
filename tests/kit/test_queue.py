"""The bell: a key is rung once while it waits, and again after its job has failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from rq import Queue, SimpleWorker

from listmgr.kit import queue as kit_queue
from listmgr.kit import queue_keys
from listmgr.kit.queue import QUEUES, Job, enqueue


def work(connection: redis.Redis) -> None:
    queue = Queue("work", connection=connection, serializer="json")
    SimpleWorker([queue], connection=connection, serializer="json").work(
        burst=True, logging_level="CRITICAL"
    )


def test_a_keyed_job_waits_once_and_a_failed_one_does_not_keep_its_key(engine, settings):
    connection = redis.Redis.from_url(settings.redis_url)
    job = Job("there_is_no_such_job", key="one")
    assert enqueue(connection, [job]) == 1
    assert enqueue(connection, [job, job]) == 0
    work(connection)
    # The job has failed and is kept to be looked at; what it should have done is still to do.
    assert enqueue(connection, [job]) == 1
    assert Queue("work", connection=connection, serializer="json").count == 1


def test_a_job_that_was_taken_and_never_begun_is_rung_again(engine, settings, monkeypatch):
    """As a worker leaves it that is killed in between: RQ has popped it, and nobody has it."""
    connection = redis.Redis.from_url(settings.redis_url)
    queue = Queue("work", connection=connection, serializer="json")
    job = Job("sweep_signups", key="one")
    assert enqueue(connection, [job]) == 1
    assert connection.lpop(queue.key) == b"one"
    # It may be about to begin.
    assert enqueue(connection, [job, job]) == 0
    monkeypatch.setattr(kit_queue, "LOST_AFTER", 0)
    assert enqueue(connection, [job]) == 1
    assert queue.job_ids == ["one"]


def test_a_job_that_goes_away_while_it_is_looked_at_ends_nobody(engine, settings, monkeypatch):
    """It ended, or Valkey lost everything, between two questions of who rings: not their end."""
    connection = redis.Redis.from_url(settings.redis_url)
    job = Job("sweep_signups", key="one")
    assert enqueue(connection, [job]) == 1
    is_running = kit_queue.queue_keys.is_running

    def look_then_lose(*args):
        answer = is_running(*args)
        connection.flushdb()
        return answer

    monkeypatch.setattr(kit_queue.queue_keys, "is_running", look_then_lose)
    assert enqueue(connection, [job]) == 1
    assert Queue("work", connection=connection, serializer="json").job_ids == ["one"]


def test_a_job_that_waits_is_not_lost_however_long(engine, settings, monkeypatch):
    connection = redis.Redis.from_url(settings.redis_url)
    monkeypatch.setattr(kit_queue, "LOST_AFTER", 0)
    assert [enqueue(connection, [Job("sweep_signups", key="one")]) for _ in range(4)] == [
        1,
        0,
        0,
        0,
    ]


def test_without_valkey_the_bell_is_lost_quietly_and_soon(engine):
    away = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.5)
    assert enqueue(away, [Job("sweep_signups"), Job("sweep_signups")]) == 0


def _lose_execution(connection: redis.Redis) -> None:
    """As a killed worker leaves it: its run's hash lives a minute less than the entry of it."""
    connection.hset("rq:job:one", "status", "started")
    connection.zadd("rq:executions:one", {"deadbeef": 2**33})
    connection.zadd("rq:wip:work", {"one:deadbeef": 2**33})


def _lose_job_of_execution(connection: redis.Redis) -> None:
    _lose_execution(connection)
    connection.delete("rq:job:one")


def _wrong_type(key: str) -> Callable[[redis.Redis], None]:
    def spoil(connection: redis.Redis) -> None:
        _lose_execution(connection)
        kept = connection.type(key)
        connection.delete(key)
        if kept == b"string":
            connection.rpush(key, "x")
        else:
            connection.set(key, "x")

    spoil.__name__ = key
    return spoil


def _garbage(**fields: bytes) -> Callable[[redis.Redis], None]:
    def spoil(connection: redis.Redis) -> None:
        connection.delete("rq:job:one", "rq:queue:work")
        connection.hset("rq:job:one", mapping=fields)

    spoil.__name__ = "-".join(fields)
    return spoil


SPOILED = [
    _lose_execution,
    _lose_job_of_execution,
    *(
        _wrong_type(key)
        for key in (
            "rq:job:one",
            "rq:queue:work",
            "rq:executions:one",
            "rq:wip:work",
            "rq:failed:work",
            "rq:queues",
            "rq:results:one",
            "rq:queue:work:intermediate",
        )
    ),
    _garbage(status=b"\xff\xfe"),
    _garbage(last_heartbeat=b"yesterday"),
    _garbage(status=b"started", created_at=b"\x00", data=b"\x80\x04."),
    _garbage(status=b"failed", timeout=b"for ever"),
    _garbage(status=b"deferred", dependency_ids=b"{"),
]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_f02_whatever_stands_under_a_key_it_is_rung_again_and_others_with_it(
    engine, settings, monkeypatch, spoil
):
    connection = redis.Redis.from_url(settings.redis_url)
    monkeypatch.setattr(kit_queue, "LOST_AFTER", 0)
    job, other = Job("sweep_signups", key="one"), Job("sweep_cards", key="other")
    assert enqueue(connection, [job]) == 1
    connection.lpop("rq:queue:work")
    spoil(connection)
    # The other one is rung whatever is wrong with the first; that one after a second look at most.
    rung = enqueue(connection, [job, other])
    assert rung >= 1
    assert enqueue(connection, [job, other]) == 2 - rung
    assert sorted(connection.lrange("rq:queue:work", 0, -1)) == [b"one", b"other"]
    assert connection.hget("rq:job:one", "status") == b"queued"
    # What a worker tidies takes nothing away that waits.
    queue_keys.mend(connection)
    queue_keys.forget_ended(connection, QUEUES, 2**34)
    assert connection.zcard("rq:wip:work") == 0
    assert connection.hget("rq:job:one", "status") == b"queued"


def test_f02_a_job_whose_run_is_renewed_is_not_rung_again(engine, settings):
    connection = redis.Redis.from_url(settings.redis_url)
    job = Job("sweep_signups", key="one")
    assert enqueue(connection, [job]) == 1
    connection.lpop("rq:queue:work")
    _lose_execution(connection)
    connection.hset("rq:execution:one:deadbeef", "id", "deadbeef")
    assert enqueue(connection, [job]) == 0
    connection.pexpire("rq:execution:one:deadbeef", 1)
    while connection.exists("rq:execution:one:deadbeef"):
        pass
    assert enqueue(connection, [job]) == 1


def test_f02_a_trouble_that_lasts_is_said_once(engine, settings, caplog):
    kit_queue._trouble.since.clear()
    away = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.5, retry=None)
    for _ in range(5):
        assert enqueue(away, [Job("sweep_signups"), Job("sweep_cards")]) == 0
    assert len(caplog.records) == 1
