"""Pages of the dashboard, lists, words, forms, operators and the audit log."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from listmgr.consent.models import ServiceMail, ServiceMailKind, ServiceMailStatus
from listmgr.kit.clock import now
from listmgr.lists.models import MailingList, Notice, Purpose, SignupForm
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import AuditEntry, Operator
from listmgr.web.studio.audit_labels import ACTIONS, SUBJECTS

LIST = {
    "slug": "brief",
    "name": "Rundbrief",
    "language": "de",
    "sender_name": "Müller",
    "sender_address": "brief@news.example.org",
    "imprint": "Müller\r\nBerlin",
}


def test_an_empty_house_says_what_to_do_first(admin):
    page = admin.get("/studio/").text
    assert "Get started" in page
    assert '<li class="done">' not in page
    for path in ("/studio/lists/new", "/studio/lists", "/studio/forms/new"):
        assert f'href="{path}"' in page


def test_s12_the_overview_says_that_sign_ups_wait_for_room(admin, uow):
    with uow() as tx:
        tx.session.add_all(
            ServiceMail(
                kind=ServiceMailKind.CONFIRM_SUBSCRIPTION,
                status=ServiceMailStatus.WAITING,
                consent_ids=[number],
                recipient=b"r",
                domain=b"d",
                created_at=now(),
            )
            for number in range(2)
        )
    page = admin.get("/studio/").text
    assert "2 confirmation mails are waiting because a limit" in page
    assert "archive a form to close it" in page


def test_the_whole_way_from_nothing_to_a_form_people_can_use(admin, anybody, session):
    made = admin.post("/studio/lists/new", LIST)
    assert made.location == "/studio/lists/1"
    told = {"slug": "letter", "name_de": "Brief", "name_en": "Letter"}
    made = admin.post("/studio/lists/1/purposes/new", told)
    assert made.location == "/studio/lists/purposes/1"
    words = {"words_de": "Ja, ich möchte den Brief.", "privacy_version": "2026-11"}
    assert admin.post("/studio/lists/purposes/1/publish", words).status_code == 303
    told = {"slug": "mail", "title_de": "Post", "title_en": "Mail", "purposes": "1"}
    assert admin.post("/studio/forms/new", told).location == "/studio/forms/1"
    page = admin.get("/studio/forms/1").text
    assert "https://news.example.org/s/mail" in page
    assert "Ja, ich möchte den Brief." in anybody.get("/s/mail").text
    assert "Get started" not in admin.get("/studio/").text
    actions = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions[1:] == [
        "list.created",
        "purpose.created",
        "purpose.notice_published",
        "form.created",
    ]


def test_the_weeks_begin_on_days_as_the_operators_language_writes_them(desk, sample):
    axis = r'class="axis"><span>(.*?)</span>'
    german = re.search(axis, desk(language="de").get("/studio/").text)
    english = re.search(axis, desk(language="en").get("/studio/").text)
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4}", german[1])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", english[1])


def test_the_dashboard_tells_where_things_stand(admin, sample):
    page = admin.get("/studio/").text
    assert re.search(r"confirmed</th>.*?<td class=\"number\">1</td>", page, re.DOTALL)
    assert "Mai" in page
    assert page.count('<rect class="up"') == 26


def test_a_mistake_loses_nothing_that_was_typed(admin, session):
    wrong = LIST | {"sender_address": "nobody", "imprint": "Müller & <b>Töchter</b>"}
    answer = admin.post("/studio/lists/new", wrong)
    assert answer.status_code == 422
    assert 'value="nobody"' in answer.text
    assert 'value="brief"' in answer.text
    assert "Müller &amp; &lt;b&gt;Töchter&lt;/b&gt;" in answer.text
    assert "Write an e-mail address" in answer.text
    assert session.scalars(sa.select(MailingList)).all() == []


def test_a_list_is_edited_archived_and_brought_back(admin, sample, session):
    told = LIST | {"name": "Neu", "privacy_url": "https://x.example/p"}
    assert admin.post("/studio/lists/1/edit", told).status_code == 303
    assert "Saved." in admin.get("/studio/lists/1").text
    assert admin.post("/studio/lists/1/archive").status_code == 303
    page = admin.get("/studio/lists/1").text
    assert "/studio/lists/1/restore" in page
    assert "/studio/lists/1/archive" not in page
    admin.post("/studio/lists/1/restore")
    found = session.get_one(MailingList, 1)
    assert (found.name, found.archived_at) == ("Neu", None)
    # The short name is for good: a form that sends another changes nothing.
    assert found.slug == "news"


def test_new_words_tell_how_many_must_be_asked_again(admin, sample, session):
    page = admin.get("/studio/lists/purposes/1/publish").text
    assert "This will be version 2" in page
    assert "1 person gets no more mail" in page
    assert "Ja, ich möchte den Rundbrief" in page
    words = {"words_de": "Neue Worte.", "words_en": "New words.", "demands_renewal": "1"}
    assert admin.post("/studio/lists/purposes/1/publish", words).status_code == 303
    assert session.get_one(Purpose, 1).least_notice_version == 2
    page = admin.get("/studio/lists/purposes/1").text
    assert page.index("Neue Worte.") < page.index("Ja, ich möchte den Rundbrief")
    assert "must be asked again" in page


def test_words_that_lack_are_asked_for_and_kept(admin, sample, session):
    words = {"words_de": "", "words_en": "Only English."}
    answer = admin.post("/studio/lists/purposes/1/publish", words)
    assert answer.status_code == 422
    assert "Only English." in answer.text
    assert len(session.scalars(sa.select(Notice)).all()) == 1


def test_a_form_is_edited_closed_and_reopened(admin, anybody, sample, session):
    told = {"title_de": "Neu", "title_en": "New", "purposes": ["1", "x", "9" * 40]}
    assert admin.post("/studio/forms/1/edit", told).status_code == 303
    assert session.get_one(SignupForm, 1).asks == []
    admin.post("/studio/forms/1/close")
    assert anybody.get("/s/mail").status_code == 404
    assert "/studio/forms/1/reopen" in admin.get("/studio/forms/1").text
    admin.post("/studio/forms/1/reopen")
    assert anybody.get("/s/mail").status_code == 200
    assert admin.post("/studio/forms/1/edit", {"title_de": "Neu"}).status_code == 422


def test_an_operator_gets_a_link_that_is_shown_once(admin, anybody, session):
    told = {"name": "Otto", "email": "otto@example.org", "role": "sales", "language": "en"}
    answer = admin.post("/studio/operators/new", told)
    [link] = re.findall(r"https://news\.example\.org(/studio/sign-in/[^\"]+)", answer.text)
    assert "Welcome, Otto" in anybody.get(link).text
    assert link not in admin.get("/studio/operators/2").text
    assert link.rsplit("/", 1)[1] not in str(session.execute(sa.select(AuditEntry.details)).all())
    again = admin.post("/studio/operators/new", told)
    assert again.status_code == 422
    assert "There is an account with this address" in again.text


def test_an_operators_role_access_and_link(admin, sample, session):
    path = f"/studio/operators/{sample['operator_id']}"
    assert admin.post(f"{path}/role", {"role": "auditor"}).status_code == 303
    assert admin.post(f"{path}/role", {"role": "root"}).status_code == 422
    assert admin.post(f"{path}/disable").status_code == 303
    assert "Disabled since" in admin.get(path).text
    assert admin.post(f"{path}/enable").status_code == 303
    assert "/studio/sign-in/" in admin.post(f"{path}/link").text
    found = session.get_one(Operator, sample["operator_id"])
    assert (found.role, found.disabled_at, found.session_version) == ("auditor", None, 3)


def test_the_last_administrator_is_told_why_not(admin):
    answer = admin.post(f"/studio/operators/{admin.operator.id}/disable")
    assert answer.status_code == 409
    assert "last administrator" in answer.text


def test_the_audit_log_is_read_page_by_page_and_by_operator(admin, sample, session, uow):
    from listmgr.kit.clock import now
    from listmgr.operators.audit import write_audit_entry

    with uow() as tx:
        for number in range(120):
            write_audit_entry(
                tx, sample["operator_id"], AuditAction.LIST_EDITED, number + 1000, at=now()
            )
    page = admin.get(f"/studio/audit?operator={sample['operator_id']}").text
    assert "1119" in page
    assert "1019" not in page
    older = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "1019" in admin.get(older).text
    assert admin.get("/studio/audit?operator=x&below=y").status_code == 200


@pytest.mark.parametrize("language", ["de", "en"])
def test_pages_speak_the_operators_language(desk, sample, language):
    at = desk(language=language)
    page = at.get("/studio/lists").text
    assert f'<html lang="{language}">' in page
    assert ("Listen" if language == "de" else "New list") in page
    other = {"de": "en", "en": "de"}[language]
    assert at.post("/studio/account/language", {"language": other}).status_code == 303
    assert f'<html lang="{other}">' in at.get("/studio/lists").text


def test_w15_every_audit_action_has_a_label_and_a_subject():
    assert {*ACTIONS} == {*AuditAction}
    assert {action.subject for action in AuditAction} == {*SUBJECTS}
    assert [
        a for a in AuditAction if not re.fullmatch("[a-z]+(_[a-z]+)*[.][a-z]+(_[a-z]+)*", a)
    ] == []


def test_the_audit_log_speaks_the_operators_language(desk, sample):
    at = desk(language="de")
    at.get(f"/studio/subscribers/{sample['subscriber_id']}")
    page = at.get("/studio/audit").text
    assert "Person angesehen" in page
    assert "subscriber.viewed" in page
