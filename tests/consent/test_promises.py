"""What no setting, no other address and no kindness of ours may change."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from listmgr.consent.confirm import confirm
from listmgr.consent.gate import count_mailable
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ServiceMail
from listmgr.consent.request_evidence import RequestFacts
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash
from tests.conftest import NOW
from tests.factories import (
    make_list,
    make_pending,
)

FACTS = RequestFacts(method="button")


@pytest.fixture
def notice(uow):
    with uow() as tx:
        return make_list(tx)[2]


def link(tx, consent_id: int) -> str:
    service_mail = tx.session.scalars(
        sa.select(ServiceMail).where(ServiceMail.consent_ids.contains([consent_id]))
    ).one()
    token = make_token(tx.settings.secret_keys, TokenPurpose.CONFIRM, service_mail.id)
    service_mail.token_hash = token_hash(token)
    return token


def test_l04_a_confirmation_counts_for_the_one_address_it_was_sent_to(uow, notice):
    with uow() as tx:
        anna = make_pending(tx, "anna@example.org", notice, NOW)
        bert = make_pending(tx, "bert@example.org", notice, NOW)
        token = link(tx, anna.id)
    with uow() as tx:
        confirm(tx, token, facts=FACTS, at=NOW)
    with uow() as tx:
        assert tx.session.get_one(Consent, anna.id).status is ConsentStatus.CONFIRMED
        assert tx.session.get_one(Consent, bert.id).status is ConsentStatus.PENDING


def test_l12_no_welcome_mail_follows_a_confirmation(uow, notice, jobs):
    with uow() as tx:
        token = link(tx, make_pending(tx, "anna@example.org", notice, NOW).id)
    jobs.clear()
    with uow() as tx:
        before = tx.session.scalar(sa.select(sa.func.count()).select_from(ServiceMail))
        confirm(tx, token, facts=FACTS, at=NOW)
        assert tx.session.scalar(sa.select(sa.func.count()).select_from(ServiceMail)) == before
    assert jobs == []


@pytest.mark.parametrize(
    "change",
    [
        {"confirm_days": 14},
        {"ageing_months": 1200},
        {"mailbox_per_day": 999},
        {"scanner_seconds": 0.0},
        {"ip_storage": "off"},
    ],
)
def test_t14_no_setting_makes_pending_people_mailable(uow, settings, notice, change):
    with uow() as tx:
        make_pending(tx, "anna@example.org", notice, NOW)
        loose = replace(settings, **change)
        assert count_mailable(tx.session, loose, notice.purpose_id) == 0


def test_t11_no_page_changes_an_address_or_tells_whether_one_is_known(app, client, uow, settings):
    """The new mailbox answers a change of address (tests/consent/test_change_address.py)."""
    asking = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("public.") and "POST" in (rule.methods or ())
    ]
    assert sorted(asking) == [
        "/c/<token>",
        "/c/<token>/not-me",
        "/d/<token>",
        "/p/<token>",
        "/p/<token>/address",
        "/p/<token>/address/cancel",
        "/p/<token>/data",
        "/s/<slug>",
        "/u/<token>",
        "/u/<token>/",
    ]
    with uow() as tx:
        _list, _purpose, notice = make_list(tx)
        someone = make_pending(tx, "anna.berger@example.org", notice, NOW).subscriber_id
    token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, someone)
    page = client.get(f"/p/{token}", base_url="https://news.example.org").text
    assert "anna.berger@" not in page
    assert 'name="address"' not in page
