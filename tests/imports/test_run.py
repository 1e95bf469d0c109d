"""What becomes of people: taken in as captured, confirmed by evidence alone, nobody raised."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from listmgr.consent.anchor import broken_chains
from listmgr.consent.gate import count_mailable
from listmgr.consent.models import Consent, ConsentEvent, ConsentEvidence, ServiceMail
from listmgr.consent.proof import proof, verify
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.imports.plan import Update
from listmgr.kit.clock import now
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason
from listmgr.suppression.register import suppress
from tests.factories import (
    make_confirmed,
    make_pending,
    make_subscriber,
)
from tests.imports.conftest import EVIDENCE, Bench

PROVED = (
    "email,confirmed at,ip\n"
    "anna@example.org,2026-05-31 10:00:00,192.0.2.7\n"
    "bert@example.org,,192.0.2.8\n"
    "cora@example.org,2026-05-31,\n"
    "dora@example.org,2099-01-01,192.0.2.9\n"
)


def test_l26_rows_enter_as_captured_and_nothing_is_sent(bench, session, settings, jobs, statuses):
    import_id = bench.take_in("email,first name\nAnna@Example.org,Anna\nbert@example.org,Bert\n")
    assert bench.verdicts(import_id) == {"new": 2}
    assert statuses() == {"anna@example.org": "captured", "bert@example.org": "captured"}
    assert count_mailable(session, settings, bench.notice.purpose_id) == 0
    assert session.scalars(sa.select(ServiceMail)).all() == []
    assert {job.name for job in jobs} == {"work_import"}
    person = session.scalars(sa.select(Subscriber).order_by(Subscriber.id)).first()
    assert (person.first_name, person.address, person.language) == (
        "Anna",
        "Anna@example.org",
        "de",
    )


def test_the_ledger_of_an_import_holds_like_any_other(bench, session, uow):
    import_id = bench.take_in(PROVED, **EVIDENCE)
    with uow() as tx:
        assert broken_chains(tx) == []
    for consent in session.scalars(sa.select(Consent)):
        assert verify(proof(session, consent.id)) == consent.version
    event = session.scalars(sa.select(ConsentEvent).order_by(ConsentEvent.id)).first()
    assert event.actor == f"operator:{bench.operator_id}"
    told = json.loads(event.facts)
    assert told["import"] == import_id
    assert told["row"] == 1
    assert told["file_sha256"] == bench.row(import_id).sha256.hex()
    assert told["declared_source"] == "Old program"


def test_l01_only_complete_evidence_confirms_and_is_told_apart_for_ever(bench, session, settings):
    import_id = bench.take_in(PROVED, **EVIDENCE)
    assert bench.verdicts(import_id) == {"confirmed": 1, "no_evidence": 3}
    confirmed = session.scalars(sa.select(Consent).where(Consent.status == "confirmed")).one()
    assert confirmed.source.value == "import"
    assert confirmed.confirmed_at.isoformat() == "2026-05-31T10:00:00+00:00"
    events = session.scalars(
        sa.select(ConsentEvent).where(ConsentEvent.consent_id == confirmed.id)
    ).all()
    assert [one.action for one in events] == ["capture", "confirm_imported"]
    evidence = session.scalars(sa.select(ConsentEvidence)).one()
    told = json.loads(evidence.content)
    assert told["ip"] == "192.0.2.7"
    assert told["words"] == "Ja, gern."
    assert told["address_typed"] == "anna@example.org"
    assert "192.0.2.7" not in "".join(event.facts for event in events)
    assert count_mailable(session, settings, bench.notice.purpose_id) == 1


@pytest.mark.parametrize("lacking", ["how", "wording", "system"])
def test_without_one_part_of_the_evidence_nobody_is_confirmed(bench, statuses, lacking):
    bench.take_in(PROVED, **(EVIDENCE | {lacking: ""}))
    assert set(statuses().values()) == {"captured"}


def test_t08_no_opt_out_is_undone_in_any_spelling(bench, uow, session, statuses):
    with uow() as tx:
        left = make_confirmed(tx, "anna@example.org", bench.notice, now())
        withdraw(tx, left.id, method="page", actor="subscriber", facts=RequestFacts(), at=now())
        make_pending(tx, "bert@münchen.example", bench.notice, now())
        erased = make_subscriber(tx, "cora@example.org", now())
        suppress(tx, erased.fingerprint, SuppressionReason.ERASED, at=now())
        bounced = make_subscriber(tx, "dora@example.org", now())
        suppress(tx, bounced.fingerprint, SuppressionReason.BOUNCED, at=now())
        fixed = make_confirmed(tx, "emil@example.org", bench.notice, now())
        tx.session.get_one(Subscriber, fixed.subscriber_id).restricted_at = now()
    before = statuses()
    rows = (
        *("ANNA@Example.ORG", " Bert@xn--mnchen-3ya.example.", "cora@EXAMPLE.org"),
        *("Dora@example.org", "emil@example.org"),
    )
    content = "email,first name,confirmed at,ip\n" + "".join(
        f"{row},Neu,2026-01-01,192.0.2.1\n" for row in rows
    )
    import_id = bench.take_in(content, **EVIDENCE, update=Update.OVERWRITE)
    assert statuses() == before
    assert bench.verdicts(import_id) == {
        "withdrawn": 1,
        "filled": 1,
        "suppressed": 2,
        "restricted": 1,
    }
    names = dict(session.execute(sa.select(Subscriber.address_key, Subscriber.first_name)).all())
    assert names["bert@xn--mnchen-3ya.example"] == "Neu"
    assert {names[one] for one in names if not one.startswith("bert")} == {"Änne"}
    assert session.scalars(sa.select(Suppression.lifted_at)).all() == [None, None]


def test_l15_the_address_of_a_suppressed_stranger_is_not_kept(bench, uow, session, settings):
    from listmgr.subscribers.address import fingerprint

    with uow() as tx:
        key = fingerprint(settings.suppression_key, "anna@example.org")
        suppress(tx, key, SuppressionReason.ERASED, at=now())
    bench.take_in("email\nanna@example.org\n")
    assert session.scalars(sa.select(Subscriber)).all() == []


def test_rows_that_opted_out_become_suppressions_and_no_people(bench, uow, session, statuses):
    with uow() as tx:
        make_confirmed(tx, "anna@example.org", bench.notice, now())
        make_confirmed(tx, "bert@example.org", bench.notice, now())
    content = (
        "email,status,unsubscribed at\n"
        "anna@example.org,unsubscribed,\n"
        "bert@example.org,unsubscribed,2001-01-01\n"
        "cora@example.org,cleaned,\n"
        "dora@example.org,spam,\n"
        "emil@example.org,subscribed,\n"
        "fred@example.org,sleeping,\n"
        "gina@example.org,,\n"
    )
    import_id = bench.take_in(content)
    assert bench.verdicts(import_id) == {
        "opted_out": 3,
        "outdated": 1,
        "new": 2,
        "unclear": 1,
    }
    assert statuses() == {
        "anna@example.org": "withdrawn",
        "bert@example.org": "confirmed",
        "emil@example.org": "captured",
        "gina@example.org": "captured",
    }
    reasons = session.scalars(sa.select(Suppression.reason).order_by(Suppression.reason)).all()
    assert [reason.value for reason in reasons] == ["bounced", "complained", "imported"]


def test_an_opt_out_anywhere_in_the_file_wins(bench, statuses):
    content = "email,status\nanna@example.org,subscribed\nAnna@example.org,unsubscribed\n"
    import_id = bench.take_in(content)
    assert bench.verdicts(import_id) == {"stopped": 1, "opted_out": 1}
    assert statuses() == {}


def test_the_same_person_thrice_counts_once(bench, session):
    import_id = bench.take_in(
        "email,name\nanna@example.org,A\nANNA@example.org,B\nAnna@EXAMPLE.org,C\n"
    )
    assert bench.verdicts(import_id) == {"new": 1, "duplicate": 2}
    assert session.scalars(sa.select(Subscriber.first_name)).all() == ["A"]


@pytest.mark.parametrize(
    ("update", "first", "company"),
    [
        (Update.FILL, "Änne", "Neu GmbH"),
        (Update.OVERWRITE, "Neu", "Neu GmbH"),
        (Update.SKIP, "Änne", ""),
    ],
)
def test_people_known_before_are_filled_overwritten_or_left(
    bench, uow, session, update, first, company
):
    with uow() as tx:
        make_confirmed(tx, "anna@example.org", bench.notice, now())
    content = "email,first name,company,last name,tags\nanna@example.org,Neu,Neu GmbH,,vip\n"
    import_id = bench.take_in(content, update=update)
    person = session.scalars(sa.select(Subscriber)).one()
    assert (person.first_name, person.company, person.last_name) == (first, company, "")
    assert person.tags == ([] if update is Update.SKIP else ["vip"])
    assert list(bench.verdicts(import_id)) == ["unchanged" if update is Update.SKIP else "filled"]
    assert list(bench.verdicts(bench.take_in(content, update=update))) == ["unchanged"]


def test_a_person_known_by_another_list_begins_captured_here(bench, uow, statuses):
    with uow() as tx:
        make_subscriber(tx, "anna@example.org", now())
    import_id = bench.take_in("email\nanna@example.org\n")
    assert bench.verdicts(import_id) == {"known": 1}
    assert statuses() == {"anna@example.org": "captured"}


def test_imported_evidence_lifts_no_block_and_confirms_no_second_life(bench: Bench, uow, engine):
    bench.take_in(PROVED, **EVIDENCE)
    with uow() as tx:
        consent = tx.session.scalars(sa.select(Consent).where(Consent.status == "captured")).first()
        assert consent is not None
        from listmgr.consent.ledger import lock_consent, record
        from listmgr.consent.lifecycle import ConsentAction

        with pytest.raises(sa.exc.DBAPIError, match="confirms a first consent as it begins"):
            record(
                tx,
                lock_consent(tx, consent.id),
                ConsentAction.CONFIRM_IMPORTED,
                at=now(),
                actor="operator:1",
            )
        tx.session.rollback()
