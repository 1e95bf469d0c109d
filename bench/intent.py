"""What it costs PostgreSQL to know who got a mail: our way beside two others.

    python bench/intent.py [--quick]

Ours writes each window's rows down before it is sent, in the statement that asks the gate, and
settles them in the next one's transaction. "pre-inserted": all rows stand there at the launch, and
are claimed and settled. "afterwards": rows are written when the answer is known, so that a dead
worker's whole group is doubled. CPU of PostgreSQL's process and of ours; nothing is sent.
Alternating rounds, medians. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from place import Place, place

from listmgr.consent.gate import FROM_CONSENTS, JOINS, MAILABLE, gate_binds
from listmgr.delivery.leases import claim
from listmgr.delivery.models import DeliveryStatus, partition_name
from listmgr.delivery.outcomes import (
    Result,
    record_results,
)
from listmgr.delivery.planner_hints import use_index_plans
from listmgr.delivery.window import next_window
from listmgr.kit.clock import now

FIELDS = ("first_name", "last_name", "email")
WINDOW = 200
# The month of the last use is noted by all ways alike, so by none here.
_DONE = sa.text("UPDATE campaign_leases SET state = 'done' WHERE campaign_id = :id AND lo = :lo")


def our_way(at: Place, campaign_id: int) -> None:
    """Lease by lease, window by window, as the engine does it."""
    while True:
        with at.work() as tx:
            lease = claim(tx, campaign_id, "bench")
        if lease is None:
            return
        results: list[Result] = []
        window = True
        while window:
            with at.work() as tx:
                found = None
                if window := lease.position < lease.hi:
                    found = next_window(tx, lease, at.notice.purpose_id, FIELDS, WINDOW)
                record_results(tx, campaign_id, results, lo=lease.lo, at=now())
                if not window:
                    tx.session.execute(_DONE, {"id": campaign_id, "lo": lease.lo})
            people = found.recipients if found else []
            sent = DeliveryStatus.SENT
            results = [Result(one.subscriber_id, sent, "250 taken") for one in people]


def pre_inserted(at: Place, campaign_id: int) -> None:
    """All rows at the launch; SKIP LOCKED claims what is due through the gate."""
    table = partition_name(campaign_id)
    values = {"campaign": campaign_id, "purpose": at.notice.purpose_id, "size": WINDOW}
    with at.work() as tx:
        tx.session.execute(
            sa.text(
                f"INSERT INTO {table} (campaign_id, subscriber_id, consent_id, begun_at, status,"
                " next_attempt_at) SELECT :campaign, subscriber_id, id, now(), 'deferred', now()"
                " FROM consents WHERE purpose_id = :purpose AND status = 'confirmed'"
            ),
            values,
        )
    claimed = sa.text(
        f"WITH due AS MATERIALIZED (SELECT subscriber_id FROM {table} WHERE next_attempt_at IS NOT"
        "  NULL ORDER BY next_attempt_at LIMIT :size FOR UPDATE SKIP LOCKED),"
        f" taken AS (UPDATE {table} d SET status = 'sending', next_attempt_at = NULL FROM due"
        "  WHERE d.subscriber_id = due.subscriber_id RETURNING d.subscriber_id)"
        " SELECT s.id, s.envelope, s.first_name, s.last_name, s.address FROM"
        f" {FROM_CONSENTS} WHERE c.subscriber_id = ANY(ARRAY(SELECT subscriber_id FROM taken))"
        " AND s.id = ANY(ARRAY(SELECT subscriber_id FROM taken))"
        f" AND c.purpose_id = :purpose AND {MAILABLE}"
    )
    settled = sa.text(
        f"UPDATE {table} SET status = 'sent', reply = '250 taken', ended_at = now()"
        " WHERE subscriber_id = ANY(CAST(:ids AS bigint[]))"
    )
    while True:
        with at.work() as tx:
            use_index_plans(tx)
            rows = tx.session.execute(claimed, values | gate_binds(at.settings)).all()
        if not rows:
            return
        with at.work() as tx:
            use_index_plans(tx)
            tx.session.execute(settled, {"ids": _array([row.id for row in rows])})


def afterwards(at: Place, campaign_id: int) -> None:
    """The gate asked by range, and rows written with their outcome."""
    table, position = partition_name(campaign_id), 0
    asked = sa.text(
        "WITH picked AS MATERIALIZED (SELECT * FROM consents WHERE purpose_id = :purpose"
        "  AND status = 'confirmed' AND subscriber_id > CAST(:position AS bigint)"
        "  ORDER BY subscriber_id LIMIT :size)"
        " SELECT s.id, c.id AS consent_id, s.envelope, s.first_name, s.last_name, s.address FROM"
        f" picked c{JOINS} WHERE s.id = ANY(ARRAY(SELECT x.subscriber_id FROM picked x))"
        f" AND {MAILABLE}"
    )
    written = sa.text(
        f"INSERT INTO {table} (campaign_id, subscriber_id, consent_id, begun_at, ended_at, status,"
        " reply) SELECT :campaign, x.s, x.c, now(), now(), 'sent', '250 taken' FROM"
        " unnest(CAST(:ids AS bigint[]), CAST(:consents AS bigint[])) AS x(s, c)"
    )
    while True:
        with at.work() as tx:
            told = {"purpose": at.notice.purpose_id, "position": position, "size": WINDOW}
            use_index_plans(tx)
            rows = tx.session.execute(asked, told | gate_binds(at.settings)).all()
            if not rows:
                return
            position = max(row.id for row in rows)
            values = {
                "campaign": campaign_id,
                "ids": _array([row.id for row in rows]),
                "consents": _array([row.consent_id for row in rows]),
            }
            tx.session.execute(written, values)


def _array(numbers: list[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


def cost(at: Place, act: Callable[[Place, int], None], count: int) -> tuple[float, float]:
    """µs a delivery of PostgreSQL's process, and of this one."""
    campaign_id = at.campaign()
    at.launch(campaign_id)
    with at.work() as tx:
        backend = tx.session.scalar(sa.text("SELECT pg_backend_pid()"))
    clock = Path(f"/proc/{backend}/schedstat")
    before, ours = int(clock.read_text().split()[0]), time.process_time()
    act(at, campaign_id)
    ours = time.process_time() - ours
    spent = int(clock.read_text().split()[0]) - before
    at.forget(campaign_id)
    at.settle()
    return spent / 1000 / count, 1e6 * ours / count


WAYS = {
    "ours, written with the window": our_way,
    "pre-inserted at the launch": pre_inserted,
    "written afterwards": afterwards,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    rounds, count = (3, 10_000) if parser.parse_args().quick else (5, 50_000)
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with place() as (at, _):
        at.crowd(count, count // 10)
        for _ in range(rounds):
            for name, act in WAYS.items():
                taken[name].append(cost(at, act, count))
    found = {
        name: [round(statistics.median(column), 1) for column in zip(*runs, strict=True)]
        for name, runs in taken.items()
    }
    print(f"{'CPU µs a delivery':34}{'PostgreSQL':>12}{'client':>9}")
    for name, (database, client) in found.items():
        print(f"{name:34}{database:12.1f}{client:9.1f}")
    print(json.dumps({"bench": "intent", "cpu_us_per_delivery": found}))


if __name__ == "__main__":
    main()
