"""F13: acts are outside the database at once, each once, whatever order they commit in."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.app import watch_over
from listmgr.cards.models import Card
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.installation import journal_writer
from listmgr.kit.clock import now
from listmgr.kit.journal_models import JournalKind
from listmgr.kit.tokens import TokenPurpose, make_token
from listmgr.privacy.erasure_journal import (
    FILE_NAME,
    Line,
    read_line,
)
from listmgr.subscribers import restriction
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
)
from tests.installation.conftest import Host

FACTS = RequestFacts(method="page")


@pytest.fixture
def consents(host: Host) -> list[int]:
    with host.uow() as tx:
        notice = make_list(tx)[2]
        at = now() - timedelta(days=1)
        return [make_confirmed(tx, f"p{n}@example.org", notice, at).id for n in range(8)]


def lines(host: Host) -> list[Line]:
    path = host.settings.data_dir / FILE_NAME
    return [read_line(line) for line in path.read_text().splitlines()] if path.exists() else []


def leave(tx, consent_id: int) -> None:
    withdraw(tx, consent_id, method="page", actor="subscriber", facts=FACTS, at=now())


def keep(host: Host) -> int:
    return journal_writer.JournalWriter(host.engine(), host.settings).keep()


def test_f13_a_withdrawal_is_outside_when_its_transaction_has_ended(host: Host, consents):
    with host.uow() as tx:
        leave(tx, consents[0])
        assert lines(host) == []
    (line,) = lines(host)
    assert line.kind is JournalKind.WITHDRAWN
    with host.uow() as tx:
        consent = tx.session.get_one(Consent, consents[0])
        assert line.detail == str(consent.purpose_id)
        assert consent.subscriber.fingerprint == line.fingerprint
        assert line.at == consent.ended_at


def test_f13_the_web_keeps_it_too_without_the_visitor_waiting(app_with, host: Host, consents):
    with host.uow() as tx:
        consent = tx.session.get_one(Consent, consents[0])
        purpose_id, subscriber_id = consent.purpose_id, consent.subscriber_id
    campaign_id = launched(host.uow, purpose_id, at=now())
    app = app_with(host.settings)
    watch_over(app, host.settings, in_thread=True)
    token = make_token(
        host.settings.secret_keys, TokenPurpose.UNSUBSCRIBE, campaign_id, subscriber_id
    )
    answer = app.test_client().post(
        f"/u/{token}",
        data={"List-Unsubscribe": "One-Click"},
        base_url=host.settings.base_url,
    )
    assert answer.status_code == 200
    end = time.monotonic() + 30
    while not lines(host):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert lines(host)[0].kind is JournalKind.WITHDRAWN


def test_p04_withdrawals_of_one_moment_share_a_copy(host: Host, consents, monkeypatch):
    monkeypatch.setattr(journal_writer, "GATHER_SECONDS", 0.5)
    mark = sa.text("SELECT mark FROM installation")
    act = sa.text(
        "UPDATE subscribers SET restricted_at = now() WHERE id ="
        " (SELECT subscriber_id FROM consents WHERE id = :id)"
    )
    engine = host.engine()
    writer = journal_writer.JournalWriter(engine, host.settings)
    with engine.connect() as connection:
        before = connection.scalar(mark)
    started = time.monotonic()
    for consent_id in consents:
        with engine.begin() as connection:
            connection.execute(act, {"id": consent_id})
        writer.soon()
    while len(lines(host)) < len(consents):
        assert time.monotonic() < started + 30
        time.sleep(0.02)
    with engine.connect() as connection:
        copies = connection.scalar(mark) - before
    assert 1 <= copies <= 1 + (time.monotonic() - started) / 0.5


def test_f13_who_commits_late_is_neither_left_out_nor_written_twice(host: Host, consents):
    engine = host.engine()
    early, late = Session(engine), Session(engine)
    update = sa.text(
        "UPDATE subscribers SET restricted_at = now() WHERE id ="
        " (SELECT subscriber_id FROM consents WHERE id = :id)"
    )
    with early, late:
        # It has its numbers before the others, and commits after them.
        early.execute(update, {"id": consents[0]})
        for consent_id in consents[1:3]:
            late.execute(update, {"id": consent_id})
            late.commit()
            assert keep(host) == 1
        assert keep(host) == 0
        early.commit()
    assert keep(host) == 1
    assert keep(host) == 0
    assert len(lines(host)) == len({line.fingerprint for line in lines(host)}) == 3


def test_f13_many_acts_are_copied_some_at_a_time(host: Host, consents, monkeypatch):
    monkeypatch.setattr(journal_writer, "BATCH", 3)
    with host.engine().begin() as connection:
        connection.execute(sa.text("UPDATE subscribers SET restricted_at = now()"))
    assert keep(host) == 8
    assert len({line.fingerprint for line in lines(host)}) == 8
    # Another host has a file of its own, from the beginning.
    other = host.another(host.settings.data_dir.parent / "other")
    other.installation()
    assert keep(other) == 8


def test_f13_a_card_that_is_restricted_is_in_the_journal(host: Host):
    from listmgr.cards import restriction as of_cards

    with host.uow() as tx:
        operator = tx.session.scalar(
            sa.text(
                "INSERT INTO operators (email, name, password_hash, role)"
                " VALUES ('a@x.example', 'Ada', '', 'sales') RETURNING id"
            )
        )
        assert operator
        card = Card(
            operator_id=operator,
            address="zoe@example.org",
            address_key="zoe@example.org",
            captured_at=now(),
            delete_at=now(),
            notice_due_at=now(),
        )
        tx.session.add(card)
        tx.session.flush()
        card_id = card.id
    with host.uow() as tx:
        of_cards.restrict(tx, card_id, at=now())
    with host.uow() as tx:
        of_cards.lift_restriction(tx, card_id, informed_by="mail")
    assert [line.kind for line in lines(host)] == [
        JournalKind.CARD_RESTRICTED,
        JournalKind.CARD_RESTRICTION_LIFTED,
    ]


def test_f13_a_data_directory_that_cannot_be_written_to_keeps_nobody_from_leaving(
    host: Host, consents, tmp_path: Path
):
    (tmp_path / "a file").write_text("")
    odd = host.another(tmp_path / "a file")
    with odd.uow() as tx:
        restriction.restrict(tx, tx.session.get_one(Consent, consents[0]).subscriber_id, at=now())
        leave(tx, consents[0])
    # Whoever can write has them at the next look.
    assert keep(host) == 2
