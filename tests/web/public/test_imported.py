"""Somebody whom a file brought signs up by themselves: one life ends, and a new one begins."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.anchor import anchor, broken_anchors, broken_chains
from listmgr.consent.models import Consent, ConsentEvent
from listmgr.consent.proof import proof, verify
from listmgr.delivery import engine as sending
from listmgr.kit.clock import now
from listmgr.operators.accounts import create_operator
from listmgr.subscribers.models import Subscriber
from tests.factories import (
    launched,
    make_confirmed,
)
from tests.imports.conftest import EVIDENCE, Bench
from tests.web.public.conftest import (
    confirm_path,
    form_values,
    part,
)

ANNA, BERTA = "anna@example.com", "berta@example.com"


@pytest.fixture
def bench(uow, notice) -> Bench:
    with uow() as tx:
        # Without anybody a campaign could not even be launched.
        make_confirmed(tx, BERTA, notice, now())
        otto = create_operator(tx, email="o@example.org", name="Otto", role="privacy", at=now())
        return Bench(uow, otto.id, notice)


@pytest.fixture
def mailed(uow, settings, notice, mailbox):
    """Whom a campaign to everybody reaches now."""

    def send() -> list[str]:
        mailbox.mails.clear()
        campaign_id = launched(uow, notice.purpose_id, at=now())
        sending.send_slice(uow, settings, campaign_id, "worker", now=now)
        return sorted(to for to, _mail in mailbox.mails)

    return send


@pytest.fixture
def sound(uow, session):
    """The ledger holds: every chain, every anchor, every proof by arithmetic alone."""

    def check() -> None:
        anchor(uow, at=now())
        with uow() as tx:
            assert broken_chains(tx) == []
            assert broken_anchors(tx) == []
        for consent in session.scalars(sa.select(Consent)):
            assert verify(proof(session, consent.id)) == consent.version

    return check


def lives(session) -> list[tuple[str, str]]:
    """All but Berta's."""
    session.rollback()
    found = session.scalars(sa.select(Consent).where(Consent.id > 1).order_by(Consent.id))
    return [(one.source.value, one.status.value) for one in found]


def test_l11_l26_who_was_imported_gets_mail_by_their_own_click_alone(
    client, bench, notice, work, mailbox, mailed, session, sound
):
    bench.take_in(f"email\n{ANNA}\n")
    assert lives(session) == [("import", "captured")]
    assert mailed() == [BERTA]

    client.post("/s/news?lang=de", data=form_values(notice, first_name="Anna"))
    work()
    [mail] = mailbox.to(ANNA)
    assert lives(session) == [("import", "expired"), ("form", "pending")]
    assert mailed() == [BERTA]

    assert "Sie sind angemeldet" in client.post(confirm_path(mail)).text
    assert lives(session) == [("import", "expired"), ("form", "confirmed")]
    assert mailed() == [ANNA, BERTA]
    used = sa.text("SELECT consent_id FROM deliveries WHERE subscriber_id = 2")
    assert session.scalars(used).all() == [3]
    assert session.scalars(sa.select(Subscriber.first_name)).all() == ["Änne", "Anna"]
    sound()


def test_l01_the_new_life_shows_the_words_and_the_old_one_what_followed(
    client, bench, notice, work, session
):
    bench.take_in(f"email\n{ANNA}\n")
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    events = session.scalars(
        sa.select(ConsentEvent).where(ConsentEvent.consent_id > 1).order_by(ConsentEvent.id)
    ).all()
    told = [(one.consent_id, one.action, json.loads(one.facts)) for one in events]
    assert [one[:2] for one in told] == [
        (2, "capture"),
        (2, "expire"),
        (3, "capture"),
        (3, "request"),
        (3, "request_sent"),
    ]
    assert told[1][2] == {"followed_by": "form"}
    assert told[0][2]["words_shown"] == ""
    assert told[2][2]["words"] == notice.words


def test_l07_unanswered_the_sign_up_goes_and_the_person_of_the_file_stays_unmailed(
    client, bench, notice, work, clock, mailed, session, sound
):
    bench.take_in(f"email\n{ANNA}\n")
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    clock(timedelta(days=8))
    work("expire_consents")
    assert lives(session) == [("import", "expired"), ("form", "expired")]
    whose = sa.select(Consent.subscriber_id).order_by(Consent.id)
    assert session.scalars(whose).all() == [1, 2, None]
    assert session.scalars(sa.select(Subscriber.address)).all() == [BERTA, ANNA]
    assert mailed() == [BERTA]
    sound()


def test_t10_whom_the_files_evidence_confirmed_is_told_so_and_keeps_the_one_consent(
    client, bench, notice, work, mailbox, session, sound
):
    bench.take_in(f"email,confirmed at,ip\n{ANNA},2026-05-31,192.0.2.7\n", **EVIDENCE)
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    [mail] = mailbox.to(ANNA)
    assert "/c/" not in part(mail, "plain")
    assert lives(session) == [("import", "confirmed")]
    sound()
