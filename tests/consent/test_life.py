"""A consent's life as its people live it: sign up, confirm, refuse, let it expire, leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from listmgr.consent.confirm import ConfirmationState, confirm, confirmation_view
from listmgr.consent.expire import expire_due
from listmgr.consent.gate import count_mailable, count_refused
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ServiceMail, ServiceMailKind
from listmgr.consent.preferences import preferences, save_preferences
from listmgr.consent.refuse import refuse
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.signup import SignupContent, process_signup, receive
from listmgr.consent.withdraw import unsubscribe, withdraw
from listmgr.kit.rows import rows_of
from listmgr.kit.tokens import TokenInvalid, TokenPurpose, make_token, token_hash
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason
from listmgr.suppression.register import is_suppressed, suppress
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
    make_subscriber,
)

FACTS = RequestFacts(ip="192.0.2.1", user_agent="test", method="button")


@pytest.fixture
def notice(uow: UnitOfWork):
    with uow() as tx:
        return make_list(tx)[2]


def sign_up(uow: UnitOfWork, notice, address="anna@example.com", at=NOW):
    with uow() as tx:
        tx.session.execute(
            sa.text(
                "INSERT INTO signup_forms (slug, title_de, title_en) VALUES ('x', 'x', 'x')"
                " ON CONFLICT DO NOTHING"
            )
        )
        form = tx.session.scalar(sa.text("SELECT id FROM signup_forms"))
        content = SignupContent(
            address, (notice.id,), "de", "https://news.example.org/s/x", ip="192.0.2.1"
        )
        receive(tx, form_id=form, content=content, at=at)
    with uow() as tx:
        for signup in tx.session.scalars(sa.text("SELECT id FROM signups")).all():
            process_signup(tx, signup, at=at)


def mail(uow: UnitOfWork, at=NOW) -> str:
    """What sending the question does to its row, and the token that is in the mail."""
    with uow() as tx:
        service_mail = tx.session.scalars(
            sa.select(ServiceMail)
            .where(ServiceMail.kind == ServiceMailKind.CONFIRM_SUBSCRIPTION)
            .order_by(ServiceMail.id.desc())
        ).first()
        token = make_token(tx.settings.secret_keys, TokenPurpose.CONFIRM, service_mail.id)
        service_mail.token_hash = token_hash(token)
        service_mail.sent_at = at
        return token


def statuses(uow: UnitOfWork) -> list[ConsentStatus]:
    with uow() as tx:
        return list(tx.session.scalars(sa.select(Consent.status).order_by(Consent.id)))


def test_l05_a_sign_up_makes_nobody_mailable_until_the_click(uow: UnitOfWork, notice, settings):
    sign_up(uow, notice)
    with uow() as tx:
        assert count_mailable(tx.session, settings, notice.purpose_id) == 0
        assert count_refused(tx.session, settings, notice.purpose_id) == {"not_confirmed": 1}
    token = mail(uow)
    with uow() as tx:
        assert confirm(tx, token, facts=FACTS, at=NOW).state is ConfirmationState.CONFIRMED
    with uow() as tx:
        assert count_mailable(tx.session, settings, notice.purpose_id) == 1


def test_t03_a_second_click_finds_it_confirmed_and_writes_nothing(uow: UnitOfWork, notice):
    sign_up(uow, notice)
    token = mail(uow)
    for _ in range(3):
        with uow() as tx:
            assert confirm(tx, token, facts=FACTS, at=NOW).state is ConfirmationState.CONFIRMED
            events = tx.session.scalar(
                sa.text("SELECT count(*) FROM consent_events WHERE action = 'confirm'")
            )
            assert events == 1


def test_t05_an_old_link_does_not_revive_a_withdrawn_consent(uow: UnitOfWork, notice):
    sign_up(uow, notice)
    token = mail(uow)
    with uow() as tx:
        confirm(tx, token, facts=FACTS, at=NOW)
    with uow() as tx:
        assert withdraw(tx, 1, method="page", actor="subscriber", facts=FACTS, at=NOW)
        assert not withdraw(tx, 1, method="page", actor="subscriber", facts=FACTS, at=NOW)
    with uow() as tx:
        assert confirm(tx, token, facts=FACTS, at=NOW).state is ConfirmationState.ENDED
    assert statuses(uow) == [ConsentStatus.WITHDRAWN]


def test_t04_a_click_faster_than_a_person_is_marked(uow: UnitOfWork, notice):
    sign_up(uow, notice)
    token = mail(uow)
    with uow() as tx:
        confirm(tx, token, facts=FACTS, at=NOW + timedelta(seconds=0.3))
        facts = tx.session.scalar(
            sa.text("SELECT facts FROM consent_events WHERE action = 'confirm'")
        )
    assert '"suspiciously_fast":true' in facts
    assert '"seconds_since_mail":0.3' in facts


def test_t20_a_token_of_another_door_or_question_opens_nothing(uow: UnitOfWork, notice, settings):
    sign_up(uow, notice)
    token = mail(uow)
    keys = settings.secret_keys
    forged = [
        make_token(keys, TokenPurpose.PREFERENCES, 1),
        make_token(keys, TokenPurpose.FORM, 1),
        make_token(("another installation",), TokenPurpose.CONFIRM, 1),
        token[:-2] + "xx",
        "x" * 5000,
        "",
    ]
    for wrong in forged:
        with uow() as tx, pytest.raises(TokenInvalid):
            confirm(tx, wrong, facts=FACTS, at=NOW)
    assert statuses(uow) == [ConsentStatus.PENDING]


def test_t20_a_rotated_key_still_opens_what_the_old_one_signed(uow: UnitOfWork, notice, settings):
    sign_up(uow, notice)
    token = mail(uow)
    rotated = replace(settings, secret_keys=("new", *settings.secret_keys))
    with uow() as tx:
        assert (
            confirmation_view(rows_of(tx.session), rotated, token, NOW).state
            is ConfirmationState.OPEN
        )


def test_not_me_refuses_and_after_the_click_withdraws(uow: UnitOfWork, notice):
    sign_up(uow, notice)
    token = mail(uow)
    with uow() as tx:
        assert refuse(tx, token, facts=FACTS, at=NOW).state is ConfirmationState.ENDED
    assert statuses(uow) == [ConsentStatus.REFUSED]
    with uow() as tx:
        confirm(tx, token, facts=FACTS, at=NOW)
    assert statuses(uow) == [ConsentStatus.REFUSED]


def test_l07_on_day_eight_link_row_and_evidence_are_gone(uow: UnitOfWork, notice):
    sign_up(uow, notice)
    token = mail(uow)
    late = NOW + timedelta(days=8)
    with uow() as tx:
        assert confirm(tx, token, facts=FACTS, at=late).state is ConfirmationState.EXPIRED
        assert expire_due(tx, at=late) == 1
        assert expire_due(tx, at=late) == 0
    with uow() as tx:
        assert tx.session.scalars(sa.select(Subscriber)).all() == []
        assert tx.session.scalar(sa.text("SELECT count(*) FROM consent_evidence")) == 0
        assert (
            confirmation_view(rows_of(tx.session), tx.settings, token, late).state
            is ConfirmationState.EXPIRED
        )
    assert statuses(uow) == [ConsentStatus.EXPIRED]


COUNT_ASKED = "SELECT count(*) FROM service_mails WHERE status <> 'waiting'"


def test_t09_one_address_is_asked_once_a_day_and_thrice_a_month(uow: UnitOfWork, notice, settings):
    spellings = ["anna@gmail.com", "a.nna@gmail.com", "Anna+x@googlemail.com"]
    for address in spellings:
        sign_up(uow, notice, address)
    with uow() as tx:
        assert tx.session.scalar(sa.text(COUNT_ASKED)) == 1
    for day in range(2, 9, 2):
        sign_up(uow, notice, spellings[0], at=NOW + timedelta(days=day))
    with uow() as tx:
        assert tx.session.scalar(sa.text(COUNT_ASKED)) == 3


def test_t10_the_active_are_told_by_mail_only(uow: UnitOfWork, notice):
    with uow() as tx:
        make_confirmed(tx, "anna@example.com", notice, NOW - timedelta(days=40))
    sign_up(uow, notice)
    with uow() as tx:
        kinds = tx.session.scalars(sa.select(ServiceMail.kind).order_by(ServiceMail.id)).all()
    assert kinds == [ServiceMailKind.CONFIRM_SUBSCRIPTION, ServiceMailKind.ALREADY_SUBSCRIBED]
    assert statuses(uow) == [ConsentStatus.CONFIRMED]


def test_l15_l16_only_the_persons_own_confirmation_lifts_a_suppression(
    uow: UnitOfWork, notice, settings, engine, superuser
):
    with uow() as tx:
        found = make_subscriber(tx, "anna@example.com", NOW)
        suppress(tx, found.fingerprint, SuppressionReason.OBJECTED, at=NOW)
        suppress(tx, found.fingerprint, SuppressionReason.BOUNCED, at=NOW)
    with pytest.raises(IntegrityError), superuser.begin() as connection:
        connection.execute(sa.text("DELETE FROM suppressions"))
    sign_up(uow, notice)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE suppressions SET lifted_at = now(), lifted_by_consent_id = 1")
        )
    token = mail(uow)
    with uow() as tx:
        assert is_suppressed(tx, found.fingerprint)
        confirm(tx, token, facts=FACTS, at=NOW)
    with uow() as tx:
        assert not is_suppressed(tx, found.fingerprint)
        assert count_mailable(tx.session, settings, notice.purpose_id) == 1
        kept = tx.session.scalars(sa.select(Suppression)).one()
        assert (kept.reason, kept.lifted_by_consent_id) == (SuppressionReason.OBJECTED, 1)


def test_l15_a_suppressed_address_is_not_mailable(uow: UnitOfWork, notice, settings):
    with uow() as tx:
        consent = make_confirmed(tx, "anna@example.com", notice, NOW)
        suppress(tx, consent.subscriber.fingerprint, SuppressionReason.COMPLAINED, at=NOW)
    with uow() as tx:
        assert count_mailable(tx.session, settings, notice.purpose_id) == 0
        assert count_refused(tx.session, settings, notice.purpose_id) == {"suppressed": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE subscribers SET restricted_at = now()", "restricted"),
        ("UPDATE mailing_lists SET archived_at = now()", "list_archived"),
        ("UPDATE purposes SET least_notice_version = 2", "notice_superseded"),
        (
            "UPDATE consents SET last_used_at = now() - interval '36 months 1 day'",
            "aged_out",
        ),
    ],
)
def test_the_gate_holds_back_for_each_reason(uow: UnitOfWork, notice, settings, change, reason):
    with uow() as tx:
        make_confirmed(tx, "anna@example.com", notice, NOW)
    with uow() as tx:
        assert count_mailable(tx.session, settings, notice.purpose_id) == 1
        tx.session.execute(sa.text(change))
        assert count_mailable(tx.session, settings, notice.purpose_id) == 0
        assert count_refused(tx.session, settings, notice.purpose_id) == {reason: 1}


def test_l13_the_preferences_page_withdraws_what_is_not_kept(uow: UnitOfWork, notice, settings):
    with uow() as tx:
        other = make_list(tx, "events")[2]
        kept = make_confirmed(tx, "anna@example.com", notice, NOW - timedelta(days=2))
        left = make_confirmed(tx, "anna@example.com", other, NOW)
    token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, kept.subscriber_id)
    with uow() as tx:
        assert len(preferences(rows_of(tx.session), settings, token).rows) == 2
        view, ended = save_preferences(tx, token, leave={left.id, 999}, facts=FACTS, at=NOW)
        assert [row.consent_id for row in ended] == [left.id]
        assert [row.consent_id for row in view.rows] == [kept.id]
    with uow() as tx:
        assert tx.session.get(Consent, left.id).status is ConsentStatus.WITHDRAWN


def test_l13_an_unsubscribe_link_of_an_unknown_campaign_is_harmless(uow: UnitOfWork, settings):
    token = make_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, 77, 88)
    with uow() as tx:
        assert unsubscribe(tx, token, facts=FACTS, method="one-click", at=NOW).state == "ended"
