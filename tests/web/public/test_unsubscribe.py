"""Leaving: by a mail program's one click, by the page's button, by the preferences page."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.models import Consent
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token
from listmgr.lists.models import Notice
from tests.factories import (
    make_confirmed,
    make_list,
)
from tests.web.public.conftest import (
    add_form,
    unsubscribe_path,
)

URLENCODED = {"content_type": "application/x-www-form-urlencoded"}
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--'
)
BODIES = {
    "multipart": {"data": MULTIPART, "content_type": "multipart/form-data; boundary=x"},
    "urlencoded": {"data": "List-Unsubscribe=One-Click", **URLENCODED},
    "empty": {"data": b""},
    "no type": {"data": b"\xff\x00"},
    "broken multipart": {"data": b"--x", "content_type": "multipart/form-data; boundary=x"},
    "a thousand parts": {"data": "&".join(["a=1"] * 5000), **URLENCODED},
    "huge": {"data": b"a=" + b"x" * 3_000_000, **URLENCODED},
}


def status_of(session, consent_id: int = 1) -> str:
    session.expire_all()
    return session.get_one(Consent, consent_id).status.value


def withdrawals(session) -> int:
    return session.scalar(sa.text("SELECT count(*) FROM consent_events WHERE action = 'withdraw'"))


def test_m01_the_header_names_the_link_that_answers(campaign_mail):
    assert campaign_mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert unsubscribe_path(campaign_mail) in campaign_mail["List-Unsubscribe"]
    assert campaign_mail["List-Unsubscribe"].startswith("<https://news.example.org/")


@pytest.mark.parametrize("body", list(BODIES))
def test_m01_one_click_takes_any_body_and_is_fine_twice(client, campaign_mail, session, body):
    for _ in range(2):
        answer = client.post(unsubscribe_path(campaign_mail), **BODIES[body])
        assert answer.status_code == 200
        assert "Location" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    assert status_of(session) == "withdrawn"
    assert withdrawals(session) == 1


@pytest.mark.parametrize("host", ["news.example.org", "relay.internal:8080", "evil.example"])
def test_s28_one_click_works_with_a_slash_and_by_any_host_a_relay_makes(
    client, campaign_mail, session, host
):
    path = unsubscribe_path(campaign_mail) + "/"
    answer = client.post(path, headers={"Host": host})
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert host == "news.example.org" or host not in answer.text
    assert status_of(session) == "withdrawn"


def test_s28_all_else_is_refused_by_a_foreign_host(client, campaign_mail, session):
    path = unsubscribe_path(campaign_mail)
    assert client.get(path + "/").status_code == 200
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 400
    assert status_of(session) == "confirmed"


def test_m01_no_origin_cookie_or_referrer_is_asked_for(client, campaign_mail, session):
    strange = {
        "Origin": "https://evil.example",
        "Referer": "https://evil.example/x",
        "Cookie": "session=x",
    }
    answer = client.post(unsubscribe_path(campaign_mail), headers=strange)
    assert (answer.status_code, status_of(session)) == (200, "withdrawn")


def test_m01_m02_wrong_tokens_get_one_and_the_same_404(
    client, campaign_mail, settings, fingerprint
):
    good = unsubscribe_path(campaign_mail)
    wrong = [
        good[:-3] + "xyz",
        "/u/x",
        "/u/" + make_token(settings.secret_keys, TokenPurpose.CONFIRM, 1, 1),
        "/u/" + make_token(settings.secret_keys, TokenPurpose.PREFERENCES, 1),
        "/u/" + make_token(("elsewhere",), TokenPurpose.UNSUBSCRIBE, 1, 1),
        "/u/" + make_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, "1", "1"),
        "/u/" + "x" * 5000,
    ]
    before = fingerprint()
    answers = {(a.status_code, a.text) for a in (client.post(path) for path in wrong)}
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert fingerprint() == before


def test_m01_an_erased_person_still_gets_200(client, campaign_mail, superuser, session):
    with superuser.begin() as connection:
        # What erasure leaves: the consent has ended, and nobody stands behind it.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("UPDATE consents SET status = 'erased', subscriber_id = NULL"))
        connection.execute(sa.text("DELETE FROM deliveries"))
        connection.execute(sa.text("DELETE FROM subscribers"))
    path = unsubscribe_path(campaign_mail)
    for answer in (client.get(path), client.post(path), client.post(f"{path}?by=page")):
        assert answer.status_code == 200
        assert "berta" not in answer.text


def test_m02_a_get_shows_the_button_and_does_nothing(client, campaign_mail, session):
    page = client.get(unsubscribe_path(campaign_mail))
    assert "Jetzt abmelden" in page.text
    assert 'method="post"' in page.text
    assert status_of(session) == "confirmed"


def test_l13_one_button_without_sign_in_or_reason(client, campaign_mail, session):
    path = unsubscribe_path(campaign_mail)
    page = client.get(path).text
    # Nothing to type, nothing to choose: a form with a button and nothing else.
    assert page.count("<form") == page.count("<button") == 1
    assert "<input" not in page
    assert client.post(f"{path}?by=page&lang=de").status_code == 200
    assert status_of(session) == "withdrawn"
    facts = session.scalar(sa.text("SELECT facts FROM consent_events WHERE action = 'withdraw'"))
    assert facts == '{"method":"page"}'


def test_l13_the_link_works_after_ten_years(client, campaign_mail, session, clock):
    clock(timedelta(days=3653))
    assert "Jetzt abmelden" in client.get(unsubscribe_path(campaign_mail)).text
    assert client.post(unsubscribe_path(campaign_mail)).status_code == 200
    assert status_of(session) == "withdrawn"


def test_l13_the_preferences_link_works_after_ten_years(client, campaign_mail, session, clock):
    clock(timedelta(days=3653))
    path = unsubscribe_path(campaign_mail).replace("/u/", "/p/")
    assert client.post(path, data={"everything": "1"}).status_code == 200
    assert status_of(session) == "withdrawn"


def test_l14_from_the_answer_on_the_person_is_not_mailable(client, campaign_mail, uow, notice):
    from listmgr.consent.gate import count_mailable

    with uow() as tx:
        assert count_mailable(tx.session, tx.settings, notice.purpose_id) == 1
    client.post(unsubscribe_path(campaign_mail))
    with uow() as tx:
        assert count_mailable(tx.session, tx.settings, notice.purpose_id) == 0


def test_t07_who_got_it_forwarded_sees_whose_it_is_and_undo_needs_the_mailbox(
    client, campaign_mail, session
):
    path = unsubscribe_path(campaign_mail)
    before = client.get(path).text
    after = client.post(f"{path}?by=page").text
    for page in (before, after):
        assert "b…@e….com" in page
        assert "berta" not in page.lower()
    assert "Sie sind abgemeldet" in after
    # The only way back is the form, and with it the mail to be confirmed.
    assert 'href="/s/news?lang=de"' in after
    assert "<form" not in after
    assert status_of(session) == "withdrawn"


@pytest.fixture
def three(uow, notice) -> str:
    """Carla has three subscriptions; the path of her preferences page."""
    with uow() as tx:
        others = [make_list(tx, slug)[2] for slug in ("events", "jobs")]
        add_form(tx.session, "more", *others)
        # One question a day is asked, so they were made on different days.
        made = [
            make_confirmed(tx, "carla@example.com", found, now() - timedelta(days=day))
            for found, day in ((notice, 9), (others[0], 6), (others[1], 3))
        ]
        return "/p/" + make_token(
            tx.settings.secret_keys, TokenPurpose.PREFERENCES, made[0].subscriber_id
        )


def test_l13_preferences_end_one_or_all(client, three, session):
    page = client.get(three).text
    assert page.count('name="leave"') == 3
    after = client.post(three, data={"leave": "2"}).text
    assert "Sie haben sich abgemeldet von:" in after
    assert [status_of(session, n) for n in (1, 2, 3)] == ["confirmed", "withdrawn", "confirmed"]
    # A page opened before a new subscription was confirmed does not end the new one.
    client.post(three, data={"leave": "2"})
    assert [status_of(session, n) for n in (1, 2, 3)] == ["confirmed", "withdrawn", "confirmed"]
    assert "zurzeit nichts abonniert" in client.post(three, data={"everything": "1"}).text
    assert [status_of(session, n) for n in (1, 2, 3)] == ["withdrawn"] * 3


@pytest.mark.parametrize("value", ["", "-1", "x", "9" * 5000, "²", "999", "\x00", "1; DROP"])
def test_strange_choices_end_nothing(client, three, session, value):
    assert client.post(three, data={"leave": value}).status_code == 200
    assert [status_of(session, n) for n in (1, 2, 3)] == ["confirmed"] * 3


def test_nobody_ends_the_subscription_of_another(client, three, campaign_mail, session):
    session.expire_all()
    berta = session.scalars(sa.select(Consent.id).order_by(Consent.id.desc()).limit(1)).one()
    client.post(three, data={"leave": str(berta)})
    assert status_of(session, berta) == "confirmed"


def test_t26_the_link_of_a_test_mail_says_so(client, notice: Notice, settings, fingerprint):
    token = make_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, 1, 0)
    before = fingerprint()
    for answer in (client.get(f"/u/{token}?lang=en"), client.post(f"/u/{token}?lang=en")):
        assert answer.status_code == 200
        assert "This link is from a test mail" in answer.text
    assert fingerprint() == before
