"""A flood of sign-ups neither floods a mailbox nor shuts anybody out (T-09)."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ServiceMail, ServiceMailStatus, SignupAnswers
from listmgr.jobs import (
    consents,
    service_mail,
)
from listmgr.kit.clock import now
from listmgr.subscribers.models import Subscriber
from tests.factories import make_list
from tests.web.public.conftest import (
    add_form,
    form_values,
)
from tests.web.public.test_rate_limit import run_worker

DAY = timedelta(days=1)


@pytest.fixture
def site(app_with, settings, clock):
    """Sign up from networks, let the workers work, let hours pass: with limits of one's own."""

    class Site:
        def __init__(self, **limits):
            self.app = app_with(**limits)
            self.client = self.app.test_client()
            self.passed = timedelta()

        def sign_up(self, notice, address, network="192.0.2.1", path="/s/news", **fields):
            values = form_values(notice, address, **fields)
            origin = {"REMOTE_ADDR": network}
            return self.client.post(path, data=values, environ_base=origin).status_code

        def work(self):
            """Do what is queued, let the sweep give room away, and do that."""
            run_worker(self.app, settings)
            with self.app.app_context():
                service_mail.sweep_service_mails()
            run_worker(self.app, settings)

        def later(self, span):
            self.passed += span
            clock(self.passed)
            self.work()

    return Site


def waiting(session) -> int:
    session.expire_all()
    counted = sa.select(sa.func.count()).where(ServiceMail.status == ServiceMailStatus.WAITING)
    return session.scalar(counted)


@pytest.mark.parametrize("domain", ["firma-workspace.example", "example.com", "web.de"])
def test_s12_tags_of_any_domain_are_one_mailbox(site, notice, mailbox, names, domain):
    names.exists(domain, MX=[f"10 mx.{domain}."])
    shop = site()
    for number in range(12):
        network = f"198.51.{number}.1"
        assert shop.sign_up(notice, f"victim+{number}@{domain}", network) == 303
    shop.work()
    assert len(mailbox.mails) == 1
    for _ in range(6):
        shop.later(DAY + timedelta(minutes=1))
    assert len(mailbox.mails) <= 3


def test_s12_the_hour_has_a_cap_for_all_together_and_an_alarm(
    site, notice, mailbox, session, caplog
):
    shop = site(confirmations_per_hour=5, domain_per_hour=1000)
    for number in range(12):
        shop.sign_up(notice, f"p{number}@example.com", f"198.51.{number}.1")
    with caplog.at_level(logging.WARNING):
        shop.work()
        shop.work()
    assert len(mailbox.mails) == 5
    assert "LISTMGR_CONFIRMATIONS_PER_HOUR is reached: 7 sign-ups wait" in caplog.text
    assert "example.com" not in caplog.text
    shop.later(timedelta(hours=1, seconds=1))
    assert len(mailbox.mails) == 10
    shop.later(timedelta(hours=1, seconds=1))
    assert len(mailbox.mails) == 12
    assert {recipient for recipient, _ in mailbox.mails} == {f"p{n}@example.com" for n in range(12)}
    assert waiting(session) == 0


def test_s12_an_embedded_form_has_the_brake_too(app_with, notice, session):
    client = app_with(signup_min_seconds=2.0, signups_per_hour=60).test_client()
    codes = []
    for number in range(12):
        values = form_values(notice, f"victim+{number}@example.com")
        codes.append(client.post("/s/news?from=embed", data=values).status_code)
    # The first few of a network go straight through; then it takes a press on our own page.
    assert codes == [303] * 3 + [422] * 9
    page = client.post("/s/news?from=embed&lang=de", data=form_values(notice, "anna@example.com"))
    assert "Bitte noch einmal drücken" in page.text
    assert 'value="anna@example.com"' in page.text
    assert "from=embed" not in page.text


def test_s13_f11_who_is_over_the_limit_of_a_domain_is_asked_when_there_is_room(
    site, notice, mailbox, session
):
    shop = site(domain_per_hour=3)
    for number in range(5):
        shop.sign_up(notice, f"p{number}@example.com", last_name="Berg")
    shop.work()
    assert len(mailbox.mails) == 3
    assert waiting(session) == 2
    shop.sign_up(notice, "other@gmail.com")
    shop.work()
    assert len(mailbox.to("other@gmail.com")) == 1
    shop.later(timedelta(hours=1, seconds=1))
    assert {recipient for recipient, _ in mailbox.mails} > {f"p{n}@example.com" for n in range(5)}
    pending = sa.select(sa.func.count()).where(Consent.status == ConsentStatus.PENDING)
    session.expire_all()
    assert session.scalar(pending) == 6
    # What they typed waits for their click as everybody else's does.
    assert session.scalar(sa.select(sa.func.count()).select_from(SignupAnswers)) == 5


def test_s13_f11_who_floods_a_domain_does_not_shut_it_out(site, notice, mailbox):
    shop = site(domain_per_hour=4, signups_per_hour=1000)

    def flood(hour):
        for number in range(30):
            address = f"flood{hour}.{number}@gmail.com"
            shop.sign_up(notice, address, f"203.0.{110 + number % 3}.9")

    flood(0)
    shop.sign_up(notice, "genuine.1@gmail.com", "198.51.100.1")
    shop.sign_up(notice, "genuine.2@gmail.com", "198.51.101.1")
    shop.work()
    assert len(mailbox.mails) == 4
    shop.later(timedelta(hours=1, seconds=1))
    # Behind 26 others, and yet in this hour: their networks were asked for less.
    assert len(mailbox.mails) == 8
    for number in (1, 2):
        assert len(mailbox.to(f"genuine.{number}@gmail.com")) == 1
    # Those who go on flooding stay behind everybody who comes new.
    for hour in (1, 2):
        flood(hour)
        shop.sign_up(notice, f"late.{hour}@gmail.com", f"198.51.{102 + hour}.1")
        shop.later(timedelta(hours=1, seconds=1))
        assert len(mailbox.to(f"late.{hour}@gmail.com")) == 1
    assert len(mailbox.mails) == 16


def test_s13_another_list_on_the_same_day_is_asked_for_tomorrow(
    site, notice, mailbox, uow, session
):
    with uow() as tx:
        second = make_list(tx, "second")[2]
        add_form(tx.session, "second", second)
    shop = site()
    shop.sign_up(notice, "anna@example.com")
    shop.work()
    shop.sign_up(second, "anna@example.com", path="/s/second")
    shop.sign_up(second, "anna@example.com", path="/s/second")
    # The mail for this one is in the mailbox already.
    shop.sign_up(notice, "anna@example.com")
    shop.work()
    assert len(mailbox.mails) == 1
    assert waiting(session) == 1
    shop.later(DAY + timedelta(seconds=1))
    assert len(mailbox.mails) == 2
    shop.later(DAY + timedelta(seconds=1))
    assert len(mailbox.mails) == 2


def test_s13_what_waits_ends_with_its_consent(site, notice, mailbox, session, app):
    shop = site(domain_per_hour=1)
    for number in range(3):
        shop.sign_up(notice, f"p{number}@example.com")
    shop.work()
    assert waiting(session) == 2
    session.execute(sa.update(ServiceMail).values(created_at=now() - timedelta(days=8)))
    session.execute(
        sa.update(Consent)
        .where(Consent.status == ConsentStatus.CAPTURED)
        .values(expires_at=now() - DAY)
    )
    session.commit()
    shop.later(timedelta(hours=2))
    with app.app_context():
        consents.expire_consents()
    assert waiting(session) == 0
    assert len(mailbox.mails) == 1
    networks = sa.select(ServiceMail.network).where(ServiceMail.network.is_not(None))
    session.expire_all()
    assert len(session.scalars(networks).all()) == 1
    shop.later(DAY)
    with app.app_context():
        consents.expire_consents()
    session.expire_all()
    assert session.scalars(networks).all() == []
    assert session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 1
