"""Campaigns in the studio: written, tried, launched, watched and stopped by hand."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.delivery.models import CampaignLease
from listmgr.kit.clock import now
from tests.factories import (
    make_confirmed,
    make_list,
)


@pytest.fixture
def purpose_id(uow) -> int:
    with uow() as tx:
        _list, purpose, notice = make_list(tx)
        for number in range(3):
            make_confirmed(tx, f"p{number}@example.org", notice, now())
        return purpose.id


def written(desk, purpose_id: int, **more: object) -> str:
    fields = {"name": "Mai", "purpose_id": purpose_id, "subject": "Neues", "body": "Guten Tag"}
    answer = desk.post("/studio/campaigns/new", fields | {"format": "markdown"} | more)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_the_empty_state_says_what_to_do(admin):
    assert "Write your first campaign" in admin.get("/studio/campaigns").text
    assert "Create a list with a purpose" in admin.get("/studio/campaigns/new").text


def test_written_shown_launched_paused_resumed_and_cancelled(admin, purpose_id, session):
    page = written(admin, purpose_id)
    text = admin.get(page).text
    assert "Send to 3 people" in text
    assert "Guten Tag" in admin.get(f"{page}/mail").text
    steps = [
        ("launch", CampaignStatus.RUNNING),
        ("pause", CampaignStatus.PAUSED),
        ("resume", CampaignStatus.RUNNING),
        ("cancel", CampaignStatus.CANCELLED),
    ]
    for deed, status in steps:
        assert admin.post(f"{page}/{deed}", {"count": "3"}).status_code == 303
        session.expire_all()
        assert session.scalars(sa.select(Campaign.status)).one() is status
    assert session.scalar(sa.select(sa.func.sum(CampaignLease.audience))) == 3
    assert "Remaining" in admin.get(f"{page}/progress").text


def test_what_is_wrong_in_a_mail_is_told_in_the_operators_language(desk, purpose_id):
    at = desk(language="de")
    page = written(at, purpose_id, subject="Hallo {{ frist_name }}")
    shown = at.get(page).text
    assert (
        "Betreff, Zeile 1: Ein Feld „frist_name“ gibt es nicht. Meinten Sie „first_name“?" in shown
    )
    answer = at.post(f"{page}/launch")
    assert "Ein Feld „frist_name“ gibt es nicht." in at.get(answer.location).text
    page = written(at, purpose_id, body="{% if first_name %}Guten Tag")
    assert "So lässt sich der Inhalt nicht lesen" in at.get(page).text


def test_l22_what_blocks_a_launch_is_told_and_nothing_starts(admin, purpose_id, session):
    page = written(admin, purpose_id, body="Hallo {{ frist_name }}")
    assert "Did you mean “first_name”?" in admin.get(page).text
    answer = admin.post(f"{page}/launch")
    assert "Did you mean" in admin.get(answer.location).text
    assert session.scalars(sa.select(Campaign.status)).one() is CampaignStatus.DRAFT


def test_a_wrong_field_is_marked_and_the_text_is_kept(admin, purpose_id):
    answer = admin.post(
        "/studio/campaigns/new",
        {"name": "", "purpose_id": purpose_id, "body": "viel Arbeit", "format": "markdown"},
    )
    assert answer.status_code == 422
    assert "viel Arbeit" in answer.text
    assert "only your team sees it" in answer.text


def test_two_writers_see_both_texts(admin, purpose_id):
    page = written(admin, purpose_id)
    fields = {"name": "Mai", "purpose_id": purpose_id, "format": "markdown", "revision": "1"}
    assert admin.post(f"{page}/edit", fields | {"body": "meins"}).status_code == 303
    answer = admin.post(f"{page}/edit", fields | {"body": "deins"})
    assert answer.status_code == 409
    assert "meins" in answer.text
    assert "deins" in answer.text
    revision = re.search(r'name="revision" value="(\d+)"', answer.text)
    assert revision is not None
    fields["revision"] = revision[1]
    assert admin.post(f"{page}/edit", fields | {"body": "deins"}).status_code == 303


@pytest.mark.parametrize("body", ["<script>alert(1)</script>", "x" * 600_000, "a\0b", "\u202e"])
def test_hostile_words_do_no_harm(admin, purpose_id, body):
    fields = {"name": "Mai", "purpose_id": purpose_id, "subject": "x", "body": body}
    answer = admin.post("/studio/campaigns/new", fields | {"format": "html"})
    assert answer.status_code in {303, 413, 422}
    if answer.status_code == 303:
        assert "<script>alert" not in admin.get(answer.location).text
        shown = admin.get(f"{answer.location}/mail")
        assert "<script>" not in shown.text
        assert "sandbox" in shown.headers["Content-Security-Policy"]


def test_a_copy_and_a_deleted_draft(admin, purpose_id, session):
    page = written(admin, purpose_id)
    assert admin.post(f"{page}/copy").status_code == 303
    assert admin.post(f"{page}/delete").status_code == 303
    assert session.scalars(sa.select(Campaign.name)).all() == ["Mai (copy)"]
