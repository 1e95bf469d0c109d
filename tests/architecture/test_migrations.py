"""Migrations go up, down and up again, and say exactly what the models say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.anchor import broken_chains
from listmgr.consent.history import history
from listmgr.consent.ledger import lock_consent, record
from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.methods import Method
from listmgr.consent.models import ServiceMail, ServiceMailKind
from listmgr.consent.proof import proof, verify
from listmgr.kit.db import Base
from listmgr.kit.transaction import transaction
from listmgr.operators.audit_actions import AuditAction
from listmgr.privacy.processing_record import REASONS
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import alembic_config, migrate
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
)


def test_migrations_go_up_down_and_up_and_agree_with_the_models(house: EmbeddedServers):
    url = fresh(house, "updown")
    migrate(url)
    migrate(url)
    migrate(url, "base")
    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    migrate(url)
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)
    engine.dispose()


def test_renamed_tables_leave_no_old_name_behind(shared_engine: sa.Engine):
    names = (
        "SELECT relname FROM pg_class UNION SELECT conname FROM pg_constraint"
        " UNION SELECT column_name FROM information_schema.columns"
        " UNION SELECT prosrc FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace"
    )
    with shared_engine.connect() as connection:
        found = set(connection.scalars(sa.text(names)))
    assert {"card_replies", "bulk_undo_values", "pk_card_replies", "ix_card_replies_open"} <= found
    assert {"service_mails", "pk_service_mails", "ix_service_mails_open"} <= found
    old = re.compile("card_letter|bulk_before|question")
    assert [name for name in found if old.search(name)] == []


def test_every_column_says_whether_it_is_personal():
    silent = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if "personal" not in column.info
    ]
    assert silent == []


def test_l34_every_personal_table_says_in_the_record_why_it_is_held():
    """A new one says its reasons in listmgr/privacy/processing_record.py."""
    personal = {
        table.name
        for table in Base.metadata.tables.values()
        if any(column.info["personal"] for column in table.columns)
    }
    assert personal - set(REASONS) == set()
    assert set(REASONS) - personal == set()


def test_migrations_down_and_up_again_keep_people_their_consents_and_their_ledger(
    house: EmbeddedServers, settings: Settings
):
    url = fresh(house, "withdata")
    migrate(url)
    engine = sa.create_engine(url)
    told = replace(settings, database_url=url)
    with transaction(lambda: Session(engine), told, lambda _jobs: None) as tx:
        _, _, notice = make_list(tx)
        kept = [make_confirmed(tx, f"p{n}@example.org", notice, NOW).id for n in range(3)]
    before = contents(engine)
    script = ScriptDirectory.from_config(alembic_config())
    since = [one.revision for one in script.walk_revisions() if one.revision > "0013"]
    assert len(since) > 5
    for _ in since:
        migrate(url, "-1")
    assert "address_changes" not in sa.inspect(engine).get_table_names()
    migrate(url)
    assert contents(engine) == before
    with Session(engine) as session:
        assert [verify(proof(session, consent_id)) for consent_id in kept] == [3, 3, 3]
    engine.dispose()


def fresh(house: EmbeddedServers, name: str) -> str:
    """An empty database of its own."""
    admin = sa.create_engine(house.superuser_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return house.superuser_url.replace("/listmgr?", f"/{name}?")


def contents(engine: sa.Engine) -> list[list[tuple[object, ...]]]:
    """What must outlive any change of the schema."""
    queries = (
        "SELECT id, address, first_name FROM subscribers ORDER BY id",
        "SELECT id, subscriber_id, status, version FROM consents ORDER BY id",
        "SELECT consent_id, seq, hash FROM consent_events ORDER BY id",
        "SELECT event_id, content FROM consent_evidence ORDER BY event_id",
    )
    with engine.connect() as connection:
        return [[tuple(row) for row in connection.execute(sa.text(q))] for q in queries]


def test_s07_a_card_two_took_becomes_one_of_each_and_one_again(house: EmbeddedServers):
    url = fresh(house, "sharedcards")
    before = ScriptDirectory.from_config(alembic_config()).get_revision("0049").down_revision
    migrate(url, str(before))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO operators (email, name, password_hash, role, language, created_at)"
            " SELECT n, n, '', 'sales', 'en', now() FROM unnest(ARRAY['ada', 'ben']) n",
            "INSERT INTO cards (address, address_key, note, captured_at, delete_at, notice_due_at)"
            " SELECT a, nullif(a, ''), 'spring', now(), now(), now()"
            " FROM unnest(ARRAY['zoe@example.com', '']) a",
            "INSERT INTO card_captures (card_id, operator_id, source, taken_at, said)"
            " SELECT c, o, 'typed', now(), 'said ' || o FROM generate_series(1, 2) c,"
            " generate_series(1, 2) o ORDER BY c, o",
        ):
            connection.execute(sa.text(statement))
    migrate(url, "0049")
    cards = (
        "SELECT k.operator_id, k.address, k.note, c.operator_id, c.said FROM cards k"
        " JOIN card_captures c ON c.card_id = k.id ORDER BY k.id"
    )
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(sa.text(cards))] == [
            (1, "zoe@example.com", "spring", 1, "said 1"),
            (1, "", "spring", 1, "said 1"),
            (2, "zoe@example.com", "spring", 2, "said 2"),
            (2, "", "spring", 2, "said 2"),
        ]
    migrate(url, "-1")
    with engine.connect() as connection:
        taken = "SELECT count(*) FROM card_captures WHERE card_id = 1"
        assert connection.scalar(sa.text(taken)) == 2
    migrate(url)
    engine.dispose()


def test_w06_what_stood_in_prose_goes_into_columns_and_back(house: EmbeddedServers):
    url = fresh(house, "prose")
    before = ScriptDirectory.from_config(alembic_config()).get_revision("0036").down_revision
    migrate(url, str(before))
    engine = sa.create_engine(url)
    pauses = ["", "The mail server is away: no answer", "SPF does not pass. (550 5.7.23 no)"]
    replies = ["not sent again: suppressed", "550 5.1.1 no such user"]
    errors = ["server away (sender 3): refused", "refused: 451 later"]
    with engine.begin() as connection:
        connection.execute(sa.text("SET session_replication_role = replica"))
        for n, reason in enumerate(pauses, 1):
            connection.execute(
                sa.text(
                    "INSERT INTO campaigns (name, list_id, purpose_id, status, pause_reason,"
                    " content_id) VALUES ('x', 1, 1, 'paused', :reason, :n)"
                ),
                {"reason": reason, "n": n},
            )
        connection.execute(
            sa.text("CREATE TABLE deliveries_1 PARTITION OF deliveries FOR VALUES IN (1)")
        )
        for n, reply in enumerate(replies, 1):
            connection.execute(
                sa.text(
                    "INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, status,"
                    " begun_at, reply, trouble) VALUES (1, :n, 1, 'failed', now(), :reply,"
                    " 'failed ' || :n)"
                ),
                {"n": n, "reply": reply},
            )
        for error in errors:
            connection.execute(
                sa.text(
                    "INSERT INTO questions (kind, consent_ids, status, recipient, domain,"
                    " created_at, last_error) VALUES ('confirm', '{1}', 'queued', '', '', now(),"
                    " :error)"
                ),
                {"error": error},
            )
    said = "SELECT pause_reason FROM campaigns ORDER BY id"
    heard = "SELECT reply FROM deliveries ORDER BY subscriber_id"

    def column(sql: str) -> list[object]:
        with engine.connect() as connection:
            return list(connection.scalars(sa.text(sql)))

    migrate(url, "0036")
    causes = column("SELECT pause_cause FROM campaigns ORDER BY id")
    assert causes == ["operator", "server_away", "sender_fault"]
    assert column(said) == ["", "no answer", pauses[2]]
    reasons = column("SELECT skip_reason FROM deliveries ORDER BY subscriber_id")
    assert reasons == ["suppressed", None]
    assert column(heard) == [None, replies[1]]
    assert column("SELECT away_sender_id FROM questions ORDER BY id") == [3, None]
    migrate(url, "-1")
    assert column(said) == pauses
    assert column(heard) == replies
    migrate(url)
    engine.dispose()


def test_w06_failures_get_columns_and_their_text_back(house: EmbeddedServers):
    url = fresh(house, "failures")
    migrate(url, "0083")
    engine = sa.create_engine(url)
    before = [
        "deferred rate United Internet",
        "deferred busy t.example",
        "failed 5.1.1",
        "failed 550",
        "failed suppressed",
        "uncertain",
        None,
    ]
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE deliveries_1 PARTITION OF deliveries FOR VALUES IN (1)")
        )
        connection.execute(
            sa.text(
                "INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, status, begun_at,"
                " trouble) VALUES (1, :n, 1, :status, now(), :trouble)"
            ),
            [
                {"n": n, "status": (trouble or "sent").split(" ")[0], "trouble": trouble}
                for n, trouble in enumerate(before)
            ],
        )

    def rows(columns: str) -> list[tuple[object, ...]]:
        with engine.connect() as connection:
            query = f"SELECT {columns} FROM deliveries ORDER BY subscriber_id"
            return [tuple(row) for row in connection.execute(sa.text(query))]

    migrate(url, "0084")
    assert rows("failure, failure_code, failure_scope") == [
        ("deferred", "rate_limit", "United Internet"),
        ("deferred", "backing_off", "t.example"),
        ("failed", "5.1.1", ""),
        ("failed", "550", ""),
        ("failed", "suppressed", ""),
        ("uncertain", "", ""),
        (None, None, None),
    ]
    migrate(url, "-1")
    assert [trouble for (trouble,) in rows("trouble")] == before
    migrate(url)
    engine.dispose()


def test_w06_a_ledger_in_earlier_words_still_verifies(house: EmbeddedServers, settings: Settings):
    """The file holds what the program wrote before migration 0083."""
    url = fresh(house, "earlierwords")
    migrate(url, "0082")
    engine = sa.create_engine(url)
    stored = json.loads((Path(__file__).parent / "earlier_ledger.json").read_text())
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for table, rows in stored.items():
            connection.execute(
                sa.text(
                    f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT *"
                    f" FROM jsonb_populate_recordset(NULL::{table}, CAST(:rows AS jsonb))"
                ),
                {"rows": json.dumps(rows)},
            )
        connection.execute(sa.text("SELECT setval('consent_events_id_seq', 100)"))
    migrate(url)
    later = replace(settings, database_url=url)
    with transaction(lambda: Session(engine), later, lambda _jobs: None) as tx:
        kinds = tx.session.scalars(sa.select(ServiceMail.kind).distinct()).all()
        assert kinds == [ServiceMailKind.CONFIRM_SUBSCRIPTION]
        assert [verify(proof(tx.session, consent_id)) for consent_id in (1, 2, 3)] == [5, 4, 5]
        assert broken_chains(tx) == []
        entries = [entry for consent_id in (1, 2, 3) for entry in history(tx.session, consent_id)]
        assert {entry.action for entry in entries} <= {*ConsentAction}
        words = {entry.facts.get("method") or entry.facts.get("how") for entry in entries} - {None}
        assert words == {"post button", "not me", "one-click", "in person"}
        assert {Method(word) for word in words} == {
            Method.CONFIRM_BUTTON,
            Method.NOT_ME,
            Method.ONE_CLICK,
            Method.IN_PERSON,
        }
        # What happens from now on is chained to it in today's words.
        record(tx, lock_consent(tx, 1), ConsentAction.ERASE, at=NOW, actor="system")
        assert verify(proof(tx.session, 1)) == 6
    migrate(url, "0082")
    migrate(url)
    engine.dispose()


def test_w15_audit_entries_get_the_actions_of_the_enum_and_the_old_ones_back(
    house: EmbeddedServers,
):
    url = fresh(house, "audit")
    migrate(url, "0040")
    engine = sa.create_engine(url)
    before = [
        ("campaign.launch", "campaign"),
        ("card.taken", "card"),
        ("card.taken", "card upload"),
        ("list.created", "list"),
        ("page.seen", "bulk"),
        ("signed-in", ""),
        ("subscriber.restriction lifted", "subscriber"),
        ("api_key.made", "api key"),
    ]
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO audit_entries (at, action, subject) VALUES (now(), :a, :s)"),
            [{"a": action, "s": subject} for action, subject in before],
        )

    def entries() -> list[tuple[str, str]]:
        with engine.connect() as connection:
            rows = connection.execute(
                sa.text("SELECT action, subject FROM audit_entries ORDER BY id")
            )
            return [(action, subject) for action, subject in rows]

    migrate(url, "0057")
    assert entries() == [
        ("campaign.launched", "campaign"),
        ("card.captured", "card"),
        ("card_upload.received", "card_upload"),
        ("list.created", "list"),
        ("page.viewed", "bulk"),
        ("sign_in.succeeded", ""),
        ("subscriber.restriction_lifted", "subscriber"),
        ("api_key.created", "api_key"),
    ]
    assert {action for action, _ in entries()} <= {*AuditAction}
    with engine.begin() as connection, pytest.raises(sa.exc.DBAPIError):
        connection.execute(sa.text("UPDATE audit_entries SET action = 'x'"))
    migrate(url, "-1")
    assert entries() == before
    migrate(url)
    engine.dispose()
