"""Pages of senders: added, tried against real servers, limited, disabled; no password shown."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from listmgr.campaigns.models import Campaign
from listmgr.kit.clock import now
from listmgr.lists.models import MailingList
from listmgr.operators.models import AuditEntry
from listmgr.senders.models import BUILT_IN, Sender
from listmgr.senders.quiet_hours import local_day
from tests.sink import Talk, running_sink, scripted

TOLD = {
    "name": "Relay",
    "host": "127.0.0.1",
    "security": "none",
    "envelope": "bounces@example.org",
    "serves": "news.example.org",
    "processor": "Post AG",
    "processor_country": "DE",
}


def add(admin, **changes) -> str:
    answer = admin.post("/studio/senders/new", TOLD | changes)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_a_sender_is_added_shown_and_edited_and_its_password_never_shown(admin, session):
    page = add(admin, username="relay", password="s3cret-words")
    text = admin.get(page).text + admin.get(f"{page}/edit").text + admin.get("/studio/senders").text
    assert "s3cret" not in text
    assert "Post AG" in text
    assert "Built-in sender" in text
    assert admin.post(f"{page}/edit", TOLD | {"name": "Other"}).status_code == 303
    session.expire_all()
    assert session.scalars(sa.select(Sender.name)).all() == ["Other"]
    details = str(session.scalars(sa.select(AuditEntry.details)).all())
    assert "s3cret" not in details


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(admin):
    answer = admin.post(
        "/studio/senders/new", TOLD | {"host": "a b", "password": "s3cret", "processor": ""}
    )
    assert answer.status_code == 422
    assert 'value="a b"' in answer.text
    assert "without port or smtp://" in answer.text
    assert "Write who runs this server" in answer.text
    assert "s3cret" not in answer.text


def test_trying_a_server_shows_what_it_offers_and_sends_nothing(admin):
    with running_sink() as sink:
        page = add(admin, port=str(sink.port))
        text = admin.post(f"{page}/try").text
        assert "It answers and would accept mail." in text
        assert "SMTPUTF8" in text
        assert "whoever is on the way can read along" in text
        assert sink.mails == []


def test_why_nothing_answers_is_said_in_the_operators_language(desk):
    at = desk(language="de")
    page = add(at, port="1")
    assert "Der Server antwortet nicht: 127.0.0.1:1" in at.post(f"{page}/try").text


def test_trying_says_what_to_do_when_it_fails(admin):
    page = add(admin, port="1")
    assert "The server does not answer: 127.0.0.1:1" in admin.post(f"{page}/try").text
    with running_sink() as sink:
        page = add(admin, port=str(sink.port), security="starttls")
        assert "The server offers no STARTTLS" in admin.post(f"{page}/try").text

    def shut(talk: Talk) -> None:
        talk.greet("AUTH PLAIN")
        assert talk.hear().startswith("AUTH PLAIN ")
        talk.say("535 5.7.8 no")

    with scripted(shut) as account:
        page = add(admin, port=str(account.port), username="x", password="y")
        assert (
            "User name or password is not accepted: 535 5.7.8 no" in admin.post(f"{page}/try").text
        )


def test_limits_warm_up_and_hours_are_set_and_shown(admin, session):
    page = add(admin)
    told = {
        "per_second": "5",
        "connections": "3",
        "scope": ["Google", "t.example", ""],
        "domain_per_second": ["1", "", ""],
        "domain_per_hour": ["", "100", ""],
        "domain_per_day": ["", "", ""],
        "domain_at_once": ["", "", ""],
        "warm_up": "50, 100, 200",
        "warm_up_began": str(local_day(now(), "Europe/Vienna")),
        "quiet_from": "20:00",
        "quiet_to": "07:30",
        "quiet_days": ["5", "6"],
        "quiet_zone": "Europe/Vienna",
    }
    assert admin.post(f"{page}/pace", told).status_code == 303
    text = admin.get(page).text
    assert "every day from 20:00 to 07:30" in text
    assert "Saturday, Sunday" in text
    assert text.count('<rect class="now"') == 1
    assert text.count('<rect class="ahead"') == 2
    assert re.search(r"Today&#39;s allowance: 50 mails|Today's allowance: 50 mails", text)
    form = admin.get(f"{page}/pace").text
    assert 'value="Google"' in form
    assert 'value="20:00"' in form
    answer = admin.post(f"{page}/pace", told | {"per_second": "many", "quiet_to": ""})
    assert answer.status_code == 422
    assert 'value="many"' in answer.text
    assert 'value="t.example"' in answer.text
    assert "Write both times, or none." in answer.text


def test_the_built_in_sender_can_be_limited_but_not_edited(admin, session):
    assert admin.get("/studio/senders/0").status_code == 200
    assert admin.get("/studio/senders/0/edit").status_code == 404
    assert admin.post("/studio/senders/0/disable").status_code == 404
    told = {"per_day": "100", "quiet_zone": "Europe/Berlin"}
    assert admin.post("/studio/senders/0/pace", told).status_code == 303
    assert session.get_one(Sender, BUILT_IN).per_day == 100


def test_a_list_names_its_sender_and_a_sender_that_does_not_fit_blocks_the_launch(
    admin, sample, session
):
    path = f"/studio/lists/{sample['list_id']}/sending"
    told = {"sender_id": str(sample["sender_id"]), "quiet_zone": "Europe/Berlin"}
    saved = admin.post(path, told)
    assert saved.status_code == 303
    assert "does not serve its From address" in admin.get(saved.location).text
    page = admin.get(f"/studio/senders/{sample['sender_id']}").text
    assert "no address yet: nothing is sent through it" in page
    assert session.get_one(MailingList, sample["list_id"]).sender_id == sample["sender_id"]
    copy = admin.post(f"/studio/campaigns/{sample['campaign_id']}/copy").location
    page = copy.removesuffix("/edit")
    assert "does not serve its From address" in admin.get(page).text
    admin.post(f"{page}/launch")
    number = int(page.rpartition("/")[2])
    assert session.get_one(Campaign, number).launched_at is None
    assert admin.post(path, told | {"sender_id": ""}).status_code == 303
    assert "does not serve" not in admin.get(page).text
    assert admin.post(path, told | {"sender_id": "999"}).status_code == 422


def test_disabled_and_enabled_again(admin):
    page = add(admin)
    assert admin.post(f"{page}/disable").status_code == 303
    assert "Disabled on" in admin.get(page).text
    assert admin.post(f"{page}/enable").status_code == 303
    assert "Disabled on" not in admin.get(page).text


@pytest.mark.parametrize("language", ["de", "en"])
def test_pages_of_senders_speak_the_operators_language(desk, sample, language):
    at = desk(language=language)
    for path in ("/studio/senders", "/studio/senders/0/pace", "/studio/senders/1/edit"):
        assert f'<html lang="{language}">' in at.get(path).text
