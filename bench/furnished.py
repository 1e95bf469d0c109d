"""A house in which people have worked for years: campaigns sent, cards taken, a long audit log.

Not a benchmark itself. What the product takes a second for is done by the product; what would take
hours is written past the triggers in the shape the product leaves it in.
"""

from __future__ import annotations

import io

import sqlalchemy as sa
from people import indexed_after
from place import Place

from listmgr.bulk.prepare import BulkRequest, prepare
from listmgr.campaigns import compose
from listmgr.cards.funnel import count_again
from listmgr.delivery.launch import launch
from listmgr.delivery.models import partition_name
from listmgr.exports.request import (
    ExportRequest,
    request_export,
)
from listmgr.imports import control
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from listmgr.lists.signup_forms import (
    FormWords,
    create_form,
)
from listmgr.operators.accounts import create_operator
from listmgr.operators.api_keys import make_key
from listmgr.operators.models import Role
from listmgr.schema import resource
from listmgr.segments import edit
from listmgr.segments.rules import Group, Rule
from listmgr.selections.freeze import SelectionRequest
from listmgr.selections.models import SelectionKind
from listmgr.senders.edit import (
    AccountForm,
    create_sender,
)
from listmgr.subscribers.field_catalogue import CORE_FIELDS

WORDS = {"subject": "Mai", "body": "Guten Tag!"}
# Campaigns of earlier years whose deliveries are still kept.
EARLIER = 48
MESSE = Group("all", (Rule("tag", "has", "messe"),))
THREE_RULES = Group(
    "all",
    (
        Rule("tag", "has", "messe"),
        Rule("field:city", "is_not", "Köln", kind="text"),
        Rule("consent", "has", "confirmed", place="list:1", since="2025-01-01"),
    ),
)
RARE = Group("all", (Rule("tag", "has", "vip"), Rule("field:city", "is", "Köln", kind="text")))

_FIELDS = """
INSERT INTO fields (key, label_de, label_en, kind, purpose, basis, retention_months, category,
  roles) SELECT k, k, k, 'text', 'x', 'consent', 12, 'ordinary', '{administrator}'
FROM unnest(ARRAY['city', 'number']) k
"""
# One in five thousand is restricted: held back from every campaign. One in a hundred is unknown to
# us and blocked; one in a thousand has a mail under way.
_PEOPLE = (
    "UPDATE subscribers SET restricted_at = created_at WHERE id % 5000 = 0",
    "INSERT INTO suppressions (fingerprint, reason) SELECT"
    " sha256(convert_to('gone' || n, 'UTF8')), 'objected' FROM generate_series(1, :n / 100) n",
    "INSERT INTO service_mails (kind, consent_ids, status, recipient, domain, created_at, sent_at)"
    " SELECT 'confirm_subscription', ARRAY[n],"
    " CASE WHEN n % 1000 = 0 THEN 'queued' ELSE 'sent' END, sha256('r'), sha256('d'),"
    " now(), now() FROM generate_series(1, :n / 10) n",
)
_AUDIT = """
INSERT INTO audit_entries (at, operator_id, action, subject, subject_id)
SELECT now(), CASE WHEN n % 50000 = 0 THEN CAST(:other AS bigint) END, 'subscriber.restricted',
  'subscriber', n FROM generate_series(1, :n) n
"""
# What one thousand deliveries come to: seven refused, two to be tried again, one nobody knows of.
_DELIVERIES = """
INSERT INTO {table} (campaign_id, subscriber_id, consent_id, status, begun_at, ended_at,
  next_attempt_at, reply, failure, failure_code, failure_scope)
SELECT :campaign, c.subscriber_id, c.id, t.status, now(), now(),
  CASE t.status WHEN 'deferred' THEN now() + interval '1 hour' END,
  CASE t.status WHEN 'sent' THEN '250 ok' ELSE '550 5.1.1 no' END,
  nullif(t.status, 'sent'), t.code, CASE WHEN t.status <> 'sent' THEN '' END
FROM consents c JOIN subscribers s ON s.id = c.subscriber_id, LATERAL (SELECT CASE
  WHEN c.id % 1000 < 7 THEN 'failed' WHEN c.id % 1000 < 9 THEN 'deferred'
  WHEN c.id % 1000 = 9 THEN 'uncertain' ELSE 'sent' END AS status) d, LATERAL (SELECT d.status,
  CASE d.status WHEN 'failed' THEN '5.' || c.id % 20 || '.1' WHEN 'deferred' THEN '4.7.1'
  WHEN 'uncertain' THEN '' END AS code) t
WHERE c.purpose_id = 1 AND c.status = 'confirmed' AND c.subscriber_id < :below
  AND c.subscriber_id % :each = 0 AND s.restricted_at IS NULL ORDER BY c.subscriber_id
"""
_COUNTED = """
UPDATE campaign_leases l SET state = 'done', position = hi, sent = n.sent, failed = n.failed,
  deferred = n.deferred, uncertain = n.uncertain, skipped = CASE WHEN audience > n.all_of_them
    THEN jsonb_build_object('restricted', audience - n.all_of_them) ELSE '{{}}' END,
  providers = jsonb_build_object('sent Google', n.sent / 5, 'sent United Internet', n.sent / 5,
    'sent Telekom', n.sent / 10, 'sent ', n.sent / 2, 'failed ', n.failed,
    'deferred Google', n.deferred)
FROM (SELECT x.lo, count(*) AS all_of_them, count(*) FILTER (WHERE d.status = 'sent') AS sent,
  count(*) FILTER (WHERE d.status = 'failed') AS failed,
  count(*) FILTER (WHERE d.status = 'deferred') AS deferred,
  count(*) FILTER (WHERE d.status = 'uncertain') AS uncertain
  FROM campaign_leases x JOIN {table} d ON d.subscriber_id >= x.lo AND d.subscriber_id < x.hi
  WHERE x.campaign_id = :campaign AND x.hi <= :below GROUP BY 1) n
WHERE l.campaign_id = :campaign AND l.lo = n.lo
"""
_COPIED = (
    "UPDATE campaigns k SET content_id = f.content_id, launched_at = f.launched_at,"
    " status = f.status FROM campaigns f WHERE f.id = :first AND k.id > :first AND k.id <= :last",
    "INSERT INTO campaign_leases (campaign_id, lo, hi, position, audience, state, sent, failed,"
    " deferred, uncertain, skipped, providers) SELECT k.id, lo, hi, position, audience, state,"
    " sent, failed, deferred, uncertain, skipped, providers FROM campaign_leases l, campaigns k"
    " WHERE l.campaign_id = :first AND k.id > :first AND k.id <= :last",
)
_COPIED_DELIVERIES = (
    "CREATE TABLE {name} (LIKE deliveries INCLUDING ALL)",
    "INSERT INTO {name} (campaign_id, subscriber_id, consent_id, status, attempts, begun_at,"
    " ended_at, next_attempt_at, reply, failure, failure_code, failure_scope) SELECT {id},"
    " d.subscriber_id, d.consent_id, d.status, d.attempts, d.begun_at, d.ended_at,"
    " d.next_attempt_at, d.reply, d.failure, d.failure_code, d.failure_scope"
    " FROM {first} d",
    "ALTER TABLE deliveries ATTACH PARTITION {name} FOR VALUES IN ({id})",
)
_CARDS = (
    "INSERT INTO occasions (name, key, created_at) SELECT 'Messe ' || n, 'messe ' || n, now()"
    " FROM generate_series(1, 20) n",
    "INSERT INTO cards (operator_id, status, address, address_key, first_name, last_name,"
    " captured_at, delete_at, notice_due_at, notice_given_at, kept_at)"
    " SELECT :other, CASE WHEN id % 3 = 0 THEN 'captured' ELSE 'kept' END, address, address_key,"
    " first_name, last_name, created_at, now() + interval '1 year', now(),"
    " CASE WHEN id % 5 > 0 THEN now() END, now() FROM subscribers WHERE id % :each = 0 ORDER BY id",
    "INSERT INTO card_captures (card_id, operator_id, source, taken_at, occasion_id)"
    " SELECT id, :other, 'photo', now(), 1 + id % 20 FROM cards",
)
_IMPORTED = (
    "INSERT INTO import_batches (import_id, phase, number, rows, verdicts) SELECT :id, p, n, 1000,"
    " '{\"new\": 950, \"broken\": 50}' FROM unnest(ARRAY['check', 'run']) p,"
    " generate_series(1, :n / 1000) n",
    "INSERT INTO import_rows (import_id, phase, number, verdict, reason, cells) SELECT :id, p, n,"
    " CASE WHEN n < 11 THEN 'new' ELSE 'broken' END, 'It has no address.', '{x,y}'"
    " FROM unnest(ARRAY['check', 'run']) p, generate_series(1, :n / 20) n",
    "UPDATE imports SET status = 'done', purpose_id = 1, started_at = now(), ended_at = now(),"
    " rows_total = :n WHERE id = :id",
)


def furnish(at: Place, people: int) -> dict[str, int]:
    """One of everything and many of most; the keys are the names links know them by."""
    with at.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text(_FIELDS))
        for statement in _PEOPLE:
            connection.execute(sa.text(statement), {"n": people} if ":n" in statement else {})
    with at.work() as tx:
        other = create_operator(tx, email="o@example.org", name="O", role="sales", at=now()).id
        made = _small(tx, other) | _segments(tx, other) | _chosen(tx, other)
        made |= _campaigns(tx, made["segment_id"])
    _sent(at, made["first_earlier"], people, each=100)
    _copied(at, made["first_earlier"], made["last_earlier"])
    _sent(at, made["finished"], people, each=1)
    _sent(at, made["running"], people // 2, each=1)
    with at.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        told = {"n": people, "other": other, "each": max(1, people // 20_000)}
        with indexed_after(connection, "audit_entries"):
            _run(connection, _AUDIT, told)
        for statement in _CARDS:
            _run(connection, statement, told)
        for statement in _IMPORTED:
            _run(connection, statement, {"n": people, "id": made["import_id"]})
        _run(connection, "UPDATE campaigns SET status = 'finished' WHERE launched_at IS NOT NULL"
            " AND id <> :running", {"running": made["running"]})  # fmt: skip
    # As its job does every five minutes.
    with at.work() as tx:
        count_again(tx, at=now())
    with at.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
        connection.execute(sa.text("CHECKPOINT"))
    return made | {"other": other, "list_id": 2, "purpose_id": 1, "card_id": 5, "consent_id": 20}


def _run(connection: sa.Connection, statement: str, told: dict[str, int]) -> None:
    named = {name: value for name, value in told.items() if f":{name}" in statement}
    connection.execute(sa.text(statement), named)


def _small(tx: Transaction, other: int) -> dict[str, int]:
    """What there is a handful of."""
    words = FormWords("Post", "Mail")
    form = create_form(tx, words, slug="mail", purpose_ids=[1], at=now())
    account = AccountForm(
        "Relay", "127.0.0.1", "1", "none", envelope="b@x.example", processor="Post AG"
    )
    sender = create_sender(tx, account, at=now())
    make_key(tx, other, name="CRM", scopes=["cards:read"], at=now())
    brought = [
        control.upload(
            tx,
            io.BytesIO(b"email,first name\nanna@example.net,Anna\n"),
            "people.csv",
            fields=CORE_FIELDS,
            language="de",
            operator_id=other,
            at=now(),
        ).id
        for _ in range(60)
    ]
    field = tx.session.scalar(sa.text("SELECT min(id) FROM fields"))
    return {
        "form_id": form.id,
        "sender_id": sender.id,
        "field_id": field or 0,
        "import_id": brought[0],
        "described_id": brought[1],
        "operator_id": other,
    }


def _segments(tx: Transaction, other: int) -> dict[str, int]:
    told = {"role": Role.ADMINISTRATOR, "operator_id": other, "at": now()}
    return {
        key: edit.create(tx, name, tree, **told).id
        for key, name, tree in (
            ("segment_id", "messe", MESSE),
            ("rules_id", "three rules", THREE_RULES),
            ("rare_id", "rare", RARE),
        )
    }


def _chosen(tx: Transaction, other: int) -> dict[str, int]:
    """Acts and exports of everybody, as when they have just been gathered."""
    everybody = SelectionRequest(SelectionKind.FOUND)
    who = {"operator_id": other, "role": Role.PRIVACY, "at": now()}
    acts = [prepare(tx, BulkRequest(kind="restrict"), everybody, **who) for _ in range(60)]
    wish = ExportRequest("csv", "check", "To look at it")
    exports = [request_export(tx, wish, ["email"], everybody, **who) for _ in range(60)]
    for one in (acts[0], exports[0]):
        tx.session.execute(
            sa.text(
                "INSERT INTO selection_chunks (selection_id, n, ids) SELECT :id, id / 1000,"
                " array_agg(id ORDER BY id) FROM subscribers GROUP BY id / 1000"
            ),
            {"id": one.selection_id},
        )
    tx.session.execute(sa.text("UPDATE bulk_acts SET status = 'ready'"))
    return {"act_id": acts[0].id, "export_id": exports[0].id}


def _campaigns(tx: Transaction, segment: int) -> dict[str, int]:
    def draft(name: str, audience: int | None = None) -> int:
        told = compose.Draft(name, 1, audience_segment_id=audience, **WORDS)
        return compose.create(tx, told, operator_id=None, at=now()).id

    earlier = [draft(f"Earlier {n}") for n in range(EARLIER)]
    made = {name: draft(name) for name in ("finished", "running", "draft")}
    made["to_segment"] = draft("to a segment", segment)
    for one in (made["finished"], made["running"], *earlier[:1]):
        launch(tx, one, templates=resource("templates"), at=now())
    return made | {"first_earlier": earlier[0], "last_earlier": earlier[-1]}


def _copied(at: Place, first: int, last: int) -> None:
    """The other earlier campaigns are copies of the first: nobody waits for their launches."""
    with at.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        told = {"first": first, "last": last}
        for statement in _COPIED:
            connection.execute(sa.text(statement), told)
        for one in range(first + 1, last + 1):
            name = partition_name(one)
            for statement in _COPIED_DELIVERIES:
                connection.execute(
                    sa.text(statement.format(name=name, first=partition_name(first), id=one))
                )


def _sent(at: Place, campaign: int, below: int, *, each: int) -> None:
    """A campaign to the people below a number, or to one in so many of them."""
    table = partition_name(campaign)
    told = {"campaign": campaign, "below": below + 1, "each": each}
    with at.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in (_DELIVERIES, _COUNTED):
            _run(connection, statement.format(table=table), told)
