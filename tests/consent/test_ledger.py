"""The ledger: append-only, chained, sealed, verifiable with and without the personal part."""

from __future__ import annotations

import copy
import json

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from listmgr.consent.anchor import anchor, broken_anchors, broken_chains, settled_event_id
from listmgr.consent.expire import forget_evidence
from listmgr.consent.hash_chain import merkle_root
from listmgr.consent.ledger import lock_consent, record
from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.methods import Method, RecordedBy
from listmgr.consent.models import ConsentEvent, ConsentEvidence
from listmgr.consent.proof import ProofError, printable, proof, verify
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw, withdraw_many
from listmgr.lists.models import MailingList
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)

FACTS = RequestFacts(method="test")


@pytest.fixture
def consent_id(uow: UnitOfWork) -> int:
    with uow() as tx:
        _, _, notice = make_list(tx)
        return make_confirmed(tx, "anna@example.com", notice, NOW).id


def test_python_and_the_database_hash_alike(consent_id, session: Session):
    rows = session.execute(
        sa.select(ConsentEvent.hash, sa.text("consent_event_hash(consent_events)"))
    ).all()
    assert len(rows) == 3
    assert all(ours == theirs for ours, theirs in rows)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent_events SET actor = 'x'",
        "DELETE FROM consent_events",
        "TRUNCATE consent_events CASCADE",
        "UPDATE consent_evidence SET content = '{}'",
        "DELETE FROM consents",
        "UPDATE notices SET words = 'x'",
    ],
)
def test_the_database_refuses_to_rewrite_the_past(consent_id, superuser, statement):
    with pytest.raises(IntegrityError), superuser.begin() as connection:
        connection.execute(sa.text(statement))


def test_l03_a_status_without_its_ledger_event_cannot_be_committed(consent_id, engine):
    with (
        pytest.raises(IntegrityError, match="ledger does not tell"),
        engine.begin() as connection,
    ):
        connection.execute(sa.text("UPDATE consents SET status = 'withdrawn'"))


def test_l01_one_row_tells_who_when_how_for_what_with_which_words(consent_id, session: Session):
    exported = proof(session, consent_id)
    text = printable(exported)
    for told in (
        "anna@example.com",
        "Ja, ich möchte den Rundbrief per E-Mail.",
        "https://news.example.org/s/x",
        "unticked",
        "Rundbrief",
        "Müller & Töchter",
        "2026-01",
        "192.0.2.7",
    ):
        assert told in text
    assert text.count("2026-11-23T12:00:00+00:00") == 3


def test_l02_the_proof_prints_after_list_and_purpose_were_renamed(consent_id, uow: UnitOfWork):
    with uow() as tx:
        before = printable(proof(tx.session, consent_id))
        tx.session.execute(sa.update(MailingList).values(name="Other", sender_name="Other"))
        tx.session.execute(sa.text("UPDATE purposes SET name_de = 'Other'"))
    with uow() as tx:
        assert printable(proof(tx.session, consent_id)) == before


def test_a_proof_verifies_alone_and_every_changed_field_is_found(consent_id, session: Session):
    exported = json.loads(json.dumps(proof(session, consent_id)))
    assert verify(exported) == 3
    for field in ("actor", "facts", "evidence", "at", "hash", "salt", "status"):
        forged = copy.deepcopy(exported)
        value = forged["events"][0][field]
        forged["events"][0][field] = {
            "at": "2026-11-23T12:00:01+00:00",
            "hash": "00" * 32,
            "salt": "00" * 16,
        }.get(field, value + " ")
        with pytest.raises(ProofError):
            verify(forged)
    del exported["events"][1]
    with pytest.raises(ProofError):
        verify(exported)


def test_a_chain_stays_whole_when_the_personal_part_is_erased(consent_id, uow: UnitOfWork):
    with uow() as tx:
        consent = lock_consent(tx, consent_id)
        record(tx, consent, ConsentAction.ERASE, at=NOW, actor="system")
        forget_evidence(tx, [consent_id])
    with uow() as tx:
        exported = proof(tx.session, consent_id)
        assert "anna" not in json.dumps(exported)
        assert verify(exported) == 4
        assert broken_chains(tx) == []


def test_an_anchor_shows_what_was_changed_behind_the_triggers(
    consent_id, uow: UnitOfWork, superuser
):
    assert anchor(uow, at=NOW) == 3
    assert anchor(uow, at=NOW) == 0
    with uow() as tx:
        assert broken_anchors(tx) == []
    with superuser.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("UPDATE consent_events e SET actor = 'forged' WHERE seq = 2"))
        connection.execute(
            sa.text("UPDATE consent_events e SET hash = consent_event_hash(e) WHERE seq = 2")
        )
    with uow() as tx:
        assert broken_chains(tx) == [consent_id]
        assert broken_anchors(tx) == [1]


def test_f01_an_anchor_that_is_stopped_under_its_lock_holds_nobody_up(consent_id, uow: UnitOfWork):
    with pytest.raises(sa.exc.InternalError, match="idle-in-transaction"), uow() as stopped:
        assert settled_event_id(stopped) == 3
        # The process sleeps here; PostgreSQL ends its transaction, and people go on.
        with uow() as tx:
            withdraw(tx, consent_id, method="page", actor="subscriber", facts=FACTS, at=NOW)
    assert anchor(uow, at=NOW) == 4


def test_f01_an_anchor_does_not_wait_for_a_writer_that_is_stopped(consent_id, uow: UnitOfWork):
    with uow() as stopped:
        withdraw(stopped, consent_id, method="page", actor="subscriber", facts=FACTS, at=NOW)
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            anchor(uow, at=NOW)
    assert anchor(uow, at=NOW) == 4


def test_the_merkle_root_is_that_of_rfc_9162():
    import hashlib

    def leaf(value: bytes) -> bytes:
        return hashlib.sha256(b"\x00" + value).digest()

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    five = [bytes([n]) for n in range(5)]
    four = node(node(leaf(b"\x00"), leaf(b"\x01")), node(leaf(b"\x02"), leaf(b"\x03")))
    assert merkle_root(five) == node(four, leaf(b"\x04"))
    assert merkle_root([]) == hashlib.sha256(b"").digest()


def test_many_at_once_are_written_as_one_by_one_would_be(uow: UnitOfWork, session: Session):
    with uow() as tx:
        notice = make_list(tx)[2]
        people = [make_confirmed(tx, f"p{n}@example.com", notice, NOW).subscriber_id for n in "123"]
    facts = RequestFacts(method=Method.LETTER, recorded_by=RecordedBy.STAFF)
    with uow() as tx:
        ids = [one for one in people if one is not None]
        ended = withdraw_many(tx, ids, method="letter", actor="operator:1", facts=facts, at=NOW)
        assert ended == 3
        assert withdraw_many(tx, ids, method="letter", actor="x", facts=facts, at=NOW) == 0
    with uow() as tx:
        assert broken_chains(tx) == []
    for consent_id in (1, 2, 3):
        exported = proof(session, consent_id)
        assert verify(exported) == 4
        assert exported["status"] == "withdrawn"
        assert "recorded_by: staff" in printable(exported)
    salts = session.scalars(sa.select(ConsentEvidence.salt)).all()
    assert len(set(salts)) == len(salts)
