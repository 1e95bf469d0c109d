"""Before something begins or ends for good: real numbers, one question, all problems at once."""

from __future__ import annotations

import html
import re

import pytest
import sqlalchemy as sa

from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.delivery.models import CampaignLease
from listmgr.kit.clock import now
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.web.studio.test_bulk import shown_count
from tests.web.studio.test_campaigns import (
    purpose_id,
    written,
)
from tests.web.studio.test_imports import (
    ROWS,
    bring,
    letter,
    looked_through,
)

__all__ = ["letter", "purpose_id"]


def block(uow, address: str) -> None:
    with uow() as tx:
        person = tx.session.scalars(sa.select(Subscriber).where(Subscriber.address == address))
        suppress(tx, person.one().fingerprint, SuppressionReason.OBJECTED, at=now())


def status(session) -> CampaignStatus:
    session.rollback()
    return session.scalars(sa.select(Campaign.status)).one()


def words(page: str) -> str:
    """The text of the page, as it is read."""
    text = re.sub(r"<[^>]+>", " ", page.split('id="main"')[1])
    return re.sub(r"\s+", " ", html.unescape(text))


def test_b04_the_number_shown_is_the_number_launched(admin, purpose_id, uow, session):
    page = written(admin, purpose_id)
    block(uow, "p1@example.org")
    assert "2 of 3 will be mailed, 1 will not: address blocked: 1" in words(admin.get(page).text)
    asked = admin.get(f"{page}/launch").text
    assert "2 people will be mailed" in words(asked)
    assert "2 of 3 will be mailed, 1 will not: address blocked: 1" in words(asked)
    assert "Send to 2 people" in words(asked)
    admin.post(f"{page}/launch", {"count": shown_count(asked)})
    assert status(session) is CampaignStatus.RUNNING
    assert session.scalar(sa.select(sa.func.sum(CampaignLease.audience))) == 3


@pytest.mark.parametrize("sent", ["3", "", "about", "few"])
def test_b04_another_number_than_was_shown_is_asked_anew(admin, purpose_id, uow, session, sent):
    page = written(admin, purpose_id)
    assert shown_count(admin.get(f"{page}/launch").text) == "3"
    block(uow, "p1@example.org")
    answer = admin.post(f"{page}/launch", {"count": sent})
    assert answer.location == f"{page}/launch"
    again = admin.get(answer.location).text
    assert "Nothing has been done." in again
    assert "it was 3 and is now 2" in again or sent != "3"
    assert status(session) is CampaignStatus.DRAFT
    admin.post(f"{page}/launch", {"count": shown_count(again)})
    assert status(session) is CampaignStatus.RUNNING


def test_b04_who_may_not_see_persons_is_not_told_of_few(desk, purpose_id, session):
    marketer = desk("marketer")
    page = written(marketer, purpose_id)
    asked = marketer.get(f"{page}/launch").text
    assert "fewer than 5" in asked
    assert shown_count(asked) == "few"
    marketer.post(f"{page}/launch", {"count": "few"})
    assert status(session) is CampaignStatus.RUNNING


def test_b06_a_launch_says_what_will_happen(admin, purpose_id, session):
    page = written(admin, purpose_id, subject="Neues im Mai")
    shown = admin.get(page).text
    assert f'href="{page}/launch"' in shown
    assert f'action="{page}/launch"' not in shown
    asked = words(admin.get(f"{page}/launch").text)
    for part in ("3 people will be mailed", "Neues im Mai", "brief@news.example.org", "News Brief"):
        assert part in asked
    assert status(session) is CampaignStatus.DRAFT


def test_b06_a_draft_is_deleted_after_one_question(admin, purpose_id, session):
    page = written(admin, purpose_id)
    shown = admin.get(page).text
    assert f'action="{page}/delete"' not in shown
    asked = admin.get(f"{page}/delete").text
    assert "Its text and files have been deleted." in asked
    assert session.scalars(sa.select(Campaign.name)).all() == ["Mai"]
    assert f'action="{page}/delete"' in asked
    assert admin.post(f"{page}/delete").status_code == 303
    session.rollback()
    assert session.scalars(sa.select(Campaign)).all() == []


def test_b06_a_campaign_is_ended_for_good_after_one_question(admin, purpose_id, session):
    page = written(admin, purpose_id)
    assert admin.get(f"{page}/cancel").location == page
    admin.post(f"{page}/launch", {"count": "3"})
    shown = admin.get(page).text
    assert f'action="{page}/cancel"' not in shown
    asked = words(admin.get(f"{page}/cancel").text)
    assert "0 mails have already been sent" in asked
    assert "3 people will no longer be mailed." in asked
    for done in ("launch", "delete"):
        assert admin.get(f"{page}/{done}").location == page
    admin.post(f"{page}/cancel")
    assert status(session) is CampaignStatus.CANCELLED


def test_b06_an_import_is_cancelled_after_one_question(admin, letter, uow):
    bring(admin, ROWS.encode())
    looked_through(admin, uow)
    page = admin.get("/studio/imports/1").text
    assert 'action="/studio/imports/1/cancel"' not in page
    asked = words(admin.get("/studio/imports/1/cancel").text)
    assert "Nobody has been imported, and nobody will be." in asked
    assert "every row of it are deleted" in asked
    admin.post("/studio/imports/1/cancel")
    assert admin.get("/studio/imports/1/cancel").location == "/studio/imports/1"


def test_b06_what_destroys_comes_after_what_does(admin, purpose_id, uow):
    page = written(admin, purpose_id)
    bring(admin, ROWS.encode())
    looked_through(admin, uow)
    shown = admin.get("/studio/imports/1").text
    assert shown.index("/imports/1/run") < shown.index("/imports/1/cancel")
    shown = admin.get(page).text
    assert shown.index(f"{page}/launch") < shown.index(f"{page}/delete")
    for path in (f"{page}/delete", "/studio/imports/1/cancel"):
        asked = admin.get(path).text.split('id="main"')[1]
        assert asked.index("Back without changes") < asked.index("btn-danger")


def test_b08_who_is_held_back_is_told_under_one_name(admin, purpose_id, uow, session):
    page = written(admin, purpose_id)
    for number in (0, 1):
        block(uow, f"p{number}@example.org")
    assert "address blocked: 2" in words(admin.get(page).text)
    admin.post(f"{page}/launch", {"count": "1"})
    session.execute(
        sa.text("""UPDATE campaign_leases SET skipped = '{"suppressed": 2, "aged_out": 1}'""")
    )
    session.commit()
    shown = admin.get(f"{page}/progress").text
    assert shown.count("<dt>Held back</dt>") == 1
    assert "address blocked: 2" in words('id="main"' + shown)


def test_b15_a_template_error_is_one_sentence_with_the_way_to_its_field(admin, purpose_id):
    page = written(admin, purpose_id, body="Guten Tag\n\nHallo {{ first_name }", format="html")
    shown = admin.get(page).text
    said = words(shown)
    assert "text, line 3: a field or condition is written wrongly (unexpected '}')." in said
    assert said.count("unexpected '}'") == 1
    assert f'href="{page}/edit#body"' in shown
    assert 'id="body"' in admin.get(f"{page}/edit").text


def test_b18_all_problems_of_a_draft_are_said_at_once(admin, purpose_id):
    body = (
        "<script>alert(1)</script><p onclick='x()'>Hallo {{ nosuch }}</p>"
        "<a href='javascript:alert(1)'>hier</a><iframe src='https://x.example'></iframe>"
    )
    page = written(admin, purpose_id, subject="", body=body, format="html")
    said = words(admin.get(page).text)
    assert "Write a subject." in said
    assert "There is no field “nosuch”" in said
    assert "mails must not contain it: <script>, onclick, javascript:, <iframe>." in said


def test_b18_what_is_allowed_is_not_called_removed(admin, purpose_id):
    body = (
        "<html><head><title>x</title></head><body><table width=5><tr><td style='color:red'>"
        "{{ first_name }} <a href='https://x.example/?a={{ email }}'>x</a>"
        "<a href='mailto:a@x.example'>y</a><img src='cid:a.png' alt=''></td></tr></table>"
    )
    page = written(admin, purpose_id, body=body, format="html")
    assert "Removed from the text" not in admin.get(page).text
