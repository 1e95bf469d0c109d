"""The pages of who was not mailed and why, and of trying again."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.delivery.reports import retry_estimate
from listmgr.delivery.reports.undelivered import everybody
from listmgr.kit.clock import now
from listmgr.kit.safe_csv import (
    guard,
    unguard,
)
from listmgr.operators.models import AuditEntry
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress

WHY = {"reason": "check", "words": "To call them"}


@pytest.fixture
def refused(sample, uow) -> int:
    """The sample's one mail was refused, with words a spreadsheet would take for a formula."""
    campaign_id = sample["campaign_id"]
    with uow() as tx:
        tx.session.execute(
            sa.text(
                "INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, status, begun_at,"
                " ended_at, reply, failure, failure_code, failure_scope) SELECT :campaign,"
                " subscriber_id, id, 'failed', now(),"
                " now(), '=1+1', 'failed', '5.5.0', '' FROM consents WHERE status = 'confirmed'"
            ),
            {"campaign": campaign_id},
        )
        tx.session.execute(
            sa.text("UPDATE campaign_leases SET failed = 1, state = 'done', position = hi")
        )
        tx.session.execute(sa.text("UPDATE campaigns SET status = 'finished'"))
    return campaign_id


def test_reasons_people_and_the_retry(admin, refused, session):
    page = f"/studio/campaigns/{refused}/not-mailed"
    text = admin.get(page).text
    assert "The receiving server refused the mail." in text
    assert "Retry the failed ones" in text
    assert "The failed mail can be retried." in text
    assert "Send the uncertain ones again" not in text
    assert "anna@example.com" in admin.get(f"{page}/people?why=failed:5.5.0:").text
    answer = admin.post(f"/studio/campaigns/{refused}/again", {"which": "failed"})
    assert answer.location == page
    assert "1 mail will be retried" in admin.get(page).text
    assert session.scalars(sa.select(Campaign.status)).one() is CampaignStatus.RUNNING
    told = session.scalars(
        sa.select(AuditEntry.details).where(AuditEntry.action == "campaign.retried")
    ).one()
    assert told == {"which": "failed", "count": 1}
    admin.post(f"/studio/campaigns/{refused}/again", {"which": "nonsense"})
    assert "nothing to retry" in admin.get(page).text


def test_no_retry_is_offered_where_it_would_reach_nobody(admin, refused, uow):
    page = f"/studio/campaigns/{refused}/not-mailed"
    with uow() as tx:
        anna = sa.select(Subscriber).where(Subscriber.address == "anna@example.com")
        person = tx.session.scalars(anna).one()
        suppress(tx, person.fingerprint, SuppressionReason.BOUNCED, at=now())
    text = admin.get(page).text
    assert "None of the failed mails can be retried" in text
    assert "Retry the failed ones" not in text


def test_what_has_not_been_looked_at_is_not_said_to_be_hopeless(admin, refused, monkeypatch):
    monkeypatch.setattr(retry_estimate, "OF_EACH", 0)
    text = admin.get(f"/studio/campaigns/{refused}/not-mailed").text
    assert "There may be some among the others." in text
    assert "Retry the failed ones" in text


def test_whom_the_gate_held_back_from_a_retry_no_server_has_answered(admin, refused, uow):
    with uow() as tx:
        tx.session.execute(
            sa.text(
                "UPDATE deliveries SET failure_code = 'suppressed',"
                " reply = NULL, skip_reason = 'suppressed'"
            )
        )
    for path in (f"/studio/campaigns/{refused}/not-mailed", f"/studio/campaigns/{refused}"):
        page = admin.get(path).text
        assert "address blocked" in page


def test_l37_a_marketer_sees_counts_and_no_person(desk, refused):
    marketer = desk("marketer")
    page = f"/studio/campaigns/{refused}/not-mailed"
    text = marketer.get(page).text
    assert "The receiving server refused the mail." in text
    assert "anna@example.com" not in text
    assert "/people" not in text
    assert marketer.get(f"{page}/people?why=failed:5.5.0:").status_code == 403
    assert marketer.post(f"{page}.csv", WHY).status_code == 403


def rows_of(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_t19_the_file_holds_no_formula_and_its_reason_is_logged(admin, refused, session):
    rows = rows_of(admin.post(f"/studio/campaigns/{refused}/not-mailed.csv", WHY))
    assert rows[0][:2] == ["address", "reason"]
    assert rows[1][:2] == ["anna@example.com", "'=1+1"]
    told = session.scalars(
        sa.select(AuditEntry.details).where(AuditEntry.action == "campaign.undelivered_exported")
    ).one()
    assert told == WHY


@pytest.mark.parametrize("role", ["service", "auditor", "marketer"])
def test_s16_without_the_right_to_export_no_address_leaves(desk, refused, role):
    at = desk(role)
    path = f"/studio/campaigns/{refused}/not-mailed.csv"
    assert at.post(path, WHY).status_code == 403
    assert at.get(path).status_code == 405
    assert "not-mailed.csv" not in at.get(f"/studio/campaigns/{refused}/not-mailed").text


@pytest.mark.parametrize("missing", ["reason", "words"])
def test_s16_without_a_reason_there_is_no_file(admin, refused, session, missing):
    answer = admin.post(f"/studio/campaigns/{refused}/not-mailed.csv", WHY | {missing: ""})
    assert answer.status_code == 422
    assert "anna@example.com" not in answer.text
    assert (
        "campaign.undelivered_exported" not in session.scalars(sa.select(AuditEntry.action)).all()
    )


@pytest.mark.parametrize("held_back", [False, True])
def test_s16_restricted_people_are_in_no_file(admin, refused, uow, superuser, held_back):
    with uow() as tx:
        tx.session.execute(sa.text("UPDATE subscribers SET restricted_at = now()"))
        if held_back:
            tx.session.execute(sa.text("UPDATE campaign_leases SET failed = 0"))
    if held_back:
        with superuser.begin() as connection:
            connection.execute(sa.text("DELETE FROM deliveries"))
    rows = rows_of(admin.post(f"/studio/campaigns/{refused}/not-mailed.csv", WHY))
    assert len(rows) == 1


def test_s17_a_missing_campaign_has_no_file(admin, refused):
    assert admin.post("/studio/campaigns/999/not-mailed.csv", WHY).status_code == 404


def test_w05_a_slow_download_holds_no_transaction(admin, refused, uow, engine, session):
    busy = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        " AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    told = []

    @contextmanager
    def reading():
        with uow() as tx:
            yield tx

    settings = admin.browser.application.extensions["listmgr"].settings
    for one in everybody(reading, settings, refused):
        told.append(one.address)
        with engine.connect() as connection:
            assert connection.scalar(busy) == 0
    assert told == ["anna@example.com"]


@pytest.mark.parametrize("value", ["=cmd", "+491", "-1", "@x", "\tx", "\rx", "'x", "''", "x", ""])
def test_t19_what_was_made_safe_comes_back_as_it_was(value):
    assert unguard(guard(value)) == value
    assert not guard(value).startswith(tuple("=+-@\t\r\n\0"))


def test_the_empty_state(admin, sample):
    text = admin.get(f"/studio/campaigns/{sample['campaign_id']}/not-mailed").text
    assert "Nobody was held back" in text


def test_the_speed_needs_two_looks(admin, sample, uow):
    page = f"/studio/campaigns/{sample['campaign_id']}/progress"
    text = admin.get(page).text
    assert "Mails a second" in text
    assert "done=0" in text
    # Nonsense is as good as nothing.
    for told in ("at=1&done=x", "at=99999999999999&done=1", "at=-1&done=-1"):
        assert admin.get(f"{page}?{told}").status_code == 200
