"""The page of a campaign that goes out: what it may send, what it waits for, what went wrong."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import redis
import sqlalchemy as sa

from listmgr.campaigns import control
from listmgr.campaigns.models import PauseCause
from listmgr.delivery.domain_limits import (
    BACK_OFF,
    alone_of,
)
from listmgr.delivery.sender_limits import ask_of
from listmgr.delivery.smtp import reply_codes
from listmgr.delivery.smtp.providers import NAMES
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import permits_at
from listmgr.senders.edit import pace_sender
from listmgr.senders.limits_form import LimitsForm
from listmgr.senders.models import BUILT_IN
from listmgr.senders.quiet_hours import QuietHoursForm
from listmgr.senders.routing import built_in


def test_limits_in_force_and_how_much_is_used(admin, sample, uow, settings):
    redis.Redis.from_url(settings.redis_url).flushall()
    told, rows = LimitsForm(per_hour="40", per_second="7"), [("Google", {"per_day": "9"})]
    with uow() as tx:
        pace_sender(tx, BUILT_IN, told, QuietHoursForm(), rows, providers=NAMES)
        terms = built_in(tx.session).terms
    permits = permits_at(settings.redis_url)
    ask = ask_of(terms, terms.limit, now(), want=5)
    permits.counted(ask, permits.take([ask])[0], 12)
    for _ in range(3):
        permits.heard(alone_of(terms), "t.example", good=0, bad=1, rule=BACK_OFF, jitter=1.0)
    page = f"/studio/campaigns/{sample['campaign_id']}"
    for text in (admin.get(page).text, admin.get(f"{page}/progress").text):
        assert "12 / 40" in text
        assert "0 / 9" in text
        assert "t.example asked us to try again later" in text
        assert "Built-in sender" in text
    assert 'aria-live="polite"' in admin.get(page).text


def test_what_a_campaign_waits_for_is_said_and_that_it_goes_on_by_itself(admin, sample, uow):
    number = sample["campaign_id"]
    until = now() + timedelta(hours=3)
    with uow() as tx:
        control.wait(tx, number, until=until, why="quiet")
    text = admin.get(f"/studio/campaigns/{number}/progress").text
    assert "Waiting: quiet hours." in text
    assert "It resumes automatically at" in text
    with uow() as tx:
        control.pause(tx, number)
        control.resume(tx, number)
    assert "Waiting:" not in admin.get(f"/studio/campaigns/{number}/progress").text


def test_who_stands_in_line_is_said_in_plain_words_with_the_place(admin, sample, uow):
    number = sample["campaign_id"]
    with uow() as tx:
        tx.session.execute(
            sa.text(
                f"INSERT INTO deliveries_{number} (campaign_id, subscriber_id, consent_id, status,"
                " attempts, begun_at, next_attempt_at, failure, failure_code, failure_scope)"
                " SELECT :c, id, 1, 'deferred', 0, now(), now(), 'deferred', code, scope FROM"
                " (VALUES (900, 'rate_limit', 'Google'), (901, 'backing_off', 't.example'))"
                " t (id, code, scope)"
            ),
            {"c": number},
        )
    for path in ("progress", "not-mailed"):
        text = admin.get(f"/studio/campaigns/{number}/{path}").text
        assert "They are queued for the limit of this provider or domain." in text
        assert "One mail tries now and then." in text
        assert "Google" in text
        assert "t.example" in text


def test_m18_a_campaign_the_program_has_stopped_is_told_on_the_first_page(
    desk, sample, uow, settings
):
    reason = reply_codes.explain(550, "5.7.26 unauthenticated")
    with uow() as tx:
        control.pause(tx, sample["campaign_id"], cause=PauseCause.SENDER_FAULT, reason=reason)
    page = desk(language="en").get("/studio/").text
    assert "“Mai” has stopped:" in page
    assert "Neither SPF nor DKIM proves the sender." in page
    german = desk("marketer", "de").get("/studio/").text
    assert "Weder SPF noch DKIM" in german
    assert "5.7.26 unauthenticated" in german
    assert "has stopped" not in desk("sales").get("/studio/").text


def test_a_pause_by_an_operator_is_no_alarm(admin, sample, uow):
    with uow() as tx:
        control.pause(tx, sample["campaign_id"])
    assert "has stopped" not in admin.get("/studio/").text


def test_where_only_retries_are_left_the_next_one_is_told(admin, sample, uow):
    number = sample["campaign_id"]
    page, due = f"/studio/campaigns/{number}/progress", now() + timedelta(hours=2)
    with uow() as tx:
        tx.session.execute(
            sa.text(
                "INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, status, begun_at,"
                " next_attempt_at, failure, failure_code, failure_scope) SELECT :campaign,"
                " subscriber_id, id, 'deferred', now(),"
                " :due, 'deferred', '4.7.1', '' FROM consents WHERE status = 'confirmed'"
            ),
            {"campaign": number, "due": due},
        )
        tx.session.execute(sa.text("UPDATE campaign_leases SET deferred = 1, audience = 2"))
    before = int((now() - timedelta(minutes=1)).timestamp() * 1000)
    # As long as others are under way, the speed says when it is through.
    assert "Next retry" not in admin.get(page).text
    with uow() as tx:
        tx.session.execute(
            sa.text("UPDATE campaign_leases SET state = 'done', position = hi, sent = 1")
        )
    at = due.astimezone(ZoneInfo("Europe/Berlin"))
    for text in (admin.get(page).text, admin.get(f"{page}?done=0&at={before}").text):
        assert f"<dt>Next retry</dt><dd>{at:%Y-%m-%d %H:%M}</dd>" in text
        assert "Estimated finish" not in text
    # Quiet hours come first.
    with uow() as tx:
        control.wait(tx, number, until=due + timedelta(hours=3), why="quiet")
    at += timedelta(hours=3)
    assert f"<dd>{at:%Y-%m-%d %H:%M}</dd>" in admin.get(page).text
