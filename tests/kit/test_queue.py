"""The bell: a key is rung once while it waits, and again after its job has failed."""

from __future__ import annotations

import redis
from rq import Queue, SimpleWorker

from listmgr.kit import queue as kit_queue
from listmgr.kit.queue import Job, ring


def work(connection: redis.Redis) -> None:
    queue = Queue("work", connection=connection, serializer="json")
    SimpleWorker([queue], connection=connection, serializer="json").work(
        burst=True, logging_level="CRITICAL"
    )


def test_a_keyed_job_waits_once_and_a_failed_one_does_not_keep_its_key(engine, settings):
    connection = redis.Redis.from_url(settings.redis_url)
    job = Job("there_is_no_such_job", key="one")
    assert ring(connection, [job]) == 1
    assert ring(connection, [job, job]) == 0
    work(connection)
    # The job has failed and is kept to be looked at; what it should have done is still to do.
    assert ring(connection, [job]) == 1
    assert Queue("work", connection=connection, serializer="json").count == 1


def test_a_job_that_was_taken_and_never_begun_is_rung_again(engine, settings, monkeypatch):
    """As a worker leaves it that is killed in between: RQ has popped it, and nobody has it."""
    connection = redis.Redis.from_url(settings.redis_url)
    queue = Queue("work", connection=connection, serializer="json")
    job = Job("sweep_signups", key="one")
    assert ring(connection, [job]) == 1
    assert connection.lpop(queue.key) == b"one"
    # It may be about to begin.
    assert ring(connection, [job, job]) == 0
    monkeypatch.setattr(kit_queue, "LOST_AFTER", 0)
    assert ring(connection, [job]) == 1
    assert queue.job_ids == ["one"]


def test_a_job_that_goes_away_while_it_is_looked_at_ends_nobody(engine, settings, monkeypatch):
    """It ended, or Valkey lost everything, between two questions of who rings: not their end."""
    connection = redis.Redis.from_url(settings.redis_url)
    job = Job("sweep_signups", key="one")
    assert ring(connection, [job]) == 1
    fetch = kit_queue.QueuedJob.fetch

    def fetch_then_lose(*args, **kwargs):
        found = fetch(*args, **kwargs)
        connection.flushdb()
        return found

    monkeypatch.setattr(kit_queue.QueuedJob, "fetch", fetch_then_lose)
    assert ring(connection, [job]) == 1
    assert Queue("work", connection=connection, serializer="json").job_ids == ["one"]


def test_a_job_that_waits_is_not_lost_however_long(engine, settings, monkeypatch):
    connection = redis.Redis.from_url(settings.redis_url)
    monkeypatch.setattr(kit_queue, "LOST_AFTER", 0)
    assert [ring(connection, [Job("sweep_signups", key="one")]) for _ in range(4)] == [1, 0, 0, 0]


def test_without_valkey_the_bell_is_lost_quietly_and_soon(engine):
    away = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.5)
    assert ring(away, [Job("sweep_signups"), Job("sweep_signups")]) == 0
