"""The pages of business cards: by role, without losing what was typed, and with no way around."""

from __future__ import annotations

import html
import io
import re

import sqlalchemy as sa
from PIL import Image

from listmgr.cards import inbox
from listmgr.cards.models import Card, CardCapture, CardUpload
from listmgr.cards.outreach.signup_prefill import prefill_token
from listmgr.cards.process_upload import read_upload
from listmgr.consent.models import Consent, ConsentEvidence, ServiceMail
from listmgr.kit.clock import now
from listmgr.lists.form_fields import Ask
from listmgr.lists.models import Notice
from listmgr.lists.signup_forms import (
    FormWords,
    create_form,
)
from listmgr.operators.models import AuditEntry, Role
from listmgr.operators.roles import RIGHTS, Right
from tests.cards.corrections import (
    VCARD,
    kept,
    picture,
    typed,
)
from tests.factories import make_confirmed
from tests.web.studio.conftest import BASE

STATEMENT = "Sie sagte am Stand: „Schicken Sie mir bitte Ihren Rundbrief.“"


def hand_in(at, *files, **fields):
    """As the form for taking cards does it."""
    told = {"csrf_token": at.token(), **fields}
    told["file"] = [(io.BytesIO(content), name, kind) for content, name, kind in files]
    return at.browser.post(
        "/studio/cards/new", data=told, base_url=BASE, content_type="multipart/form-data"
    )


def read_all(uow, session) -> None:
    for upload_id in session.scalars(sa.select(CardUpload.id)):
        read_upload(uow, upload_id, now=now)
    session.rollback()


def card_file(address: str = "zoe@example.com") -> tuple[bytes, str, str]:
    return VCARD.format(address=address).encode(), "zoe.vcf", "text/vcard"


def test_from_a_file_over_the_review_to_the_question(sales, sample, uow, session):
    answer = hand_in(sales, card_file(), occasion="Buchmesse", said="will den Katalog")
    assert answer.location == "/studio/cards"
    assert 'data-status="reading"' in sales.get("/studio/cards").text
    read_all(uow, session)
    page = sales.get("/studio/cards").text
    assert "Zoë Öztürk" in page
    assert 'data-status="idle"' in page
    [card] = session.scalars(sa.select(Card).where(Card.address == "zoe@example.com"))
    path = f"/studio/cards/{card.id}"
    assert 'value="zoe@example.com"' in sales.get(path).text
    words = {"address": "zoe@example.com", "first_name": "Zoë", "last_name": "Öztürk"}
    assert sales.post(f"{path}/keep", words).location == path
    page = sales.get(path).text
    assert "Send the confirmation mail" not in page
    told = {"purpose": sample["purpose_id"], "statement": STATEMENT}
    assert sales.post(f"{path}/statement", told).status_code == 303
    page = sales.get(path).text
    assert STATEMENT in page
    assert "Send the confirmation mail" in page
    assert sales.post(f"{path}/ask").status_code == 303
    page = sales.get(path).text
    assert "Send the confirmation mail" not in page
    assert "waits to be sent" in page
    actions = session.scalars(
        sa.select(AuditEntry.action).where(AuditEntry.operator_id == sales.operator.id)
    ).all()
    assert {
        "card_upload.received",
        "card.accepted",
        "card.statement_stored",
        "card.confirmation_requested",
        "card.viewed",
    } <= set(actions)
    details = str(session.scalars(sa.select(AuditEntry.details)).all())
    assert "zoe" not in details.lower()
    assert "Stand" not in details


def test_l25_without_a_statement_there_is_no_button_and_the_post_is_refused(
    sales, sample, uow, session
):
    with uow() as tx:
        card = kept(tx, sales.operator.id)
    path = f"/studio/cards/{card.id}"
    assert f"{path}/ask" not in sales.get(path).text
    before = session.scalar(sa.select(sa.func.count()).select_from(ServiceMail))
    answer = sales.post(f"{path}/ask")
    assert answer.status_code == 409
    assert "First record" in answer.text
    assert session.scalar(sa.select(sa.func.count()).select_from(ServiceMail)) == before
    answer = sales.post(f"{path}/statement", {"purpose": sample["purpose_id"], "statement": "ja"})
    assert answer.status_code == 422
    assert "it is the evidence" in answer.text
    assert session.scalar(sa.select(sa.func.count()).select_from(ConsentEvidence).where(
        ConsentEvidence.content.contains('"statement"'))) == 0  # fmt: skip


def test_a_mistake_at_the_review_loses_nothing(sales, uow, sample):
    with uow() as tx:
        card = typed(tx, sales.operator.id)
    words = {"address": "zoe at example", "first_name": "Zoë-Marie", "note": "ruft an"}
    answer = sales.post(f"/studio/cards/{card.id}/keep", words)
    assert answer.status_code == 422
    for told in ("zoe at example", "Zoë-Marie", "ruft an", "name@example.org"):
        assert told in answer.text


def test_a_salesperson_sees_own_cards_and_a_head_of_sales_the_teams(desk, sample, uow):
    sales, head, other = desk("sales"), desk("head_of_sales"), desk("sales", "de")
    with uow() as tx:
        card = typed(tx, sales.operator.id)
    for at, status in ((sales, 200), (head, 200), (other, 404)):
        assert at.get(f"/studio/cards/{card.id}").status_code == status
        assert ("Zoë Öztürk" in at.get("/studio/cards").text) is (status == 200)
    assert other.post(f"/studio/cards/{card.id}/discard").status_code == 404
    assert head.post(f"/studio/cards/{card.id}/discard").status_code == 303


def test_l37_who_sees_cards_and_who_may_touch_them():
    may = {
        role: RIGHTS[role] & {Right.SEE_CARDS, Right.SEE_TEAM_CARDS, Right.EDIT_CARDS}
        for role in Role
    }
    assert may[Role.SALES] == {Right.SEE_CARDS, Right.EDIT_CARDS}
    assert may[Role.HEAD_OF_SALES] == {Right.SEE_CARDS, Right.SEE_TEAM_CARDS, Right.EDIT_CARDS}
    assert may[Role.PRIVACY] == may[Role.AUDITOR] == {Right.SEE_CARDS, Right.SEE_TEAM_CARDS}
    assert may[Role.MARKETER] == may[Role.SERVICE] == set()


def test_no_page_hands_out_cards_as_a_file(app, admin, sample, uow):
    with uow() as tx:
        typed(tx, admin.operator.id)
    for rule in app.url_map.iter_rules():
        if "/cards" in rule.rule and "GET" in rule.methods and rule.arguments <= set(sample):
            path = rule.build({name: sample[name] for name in rule.arguments})[1]
            answer = admin.get(path)
            assert answer.mimetype in {"text/html", "image/png"} or path.startswith("/api/"), path


def test_an_auditor_and_a_privacy_officer_look_and_change_nothing(desk, sample, uow):
    for role in ("auditor", "privacy"):
        at = desk(role)
        page = at.get(f"/studio/cards/{sample['card_id']}").text
        assert "card@example.com" in page
        forms = re.findall(r'<form[^>]* action="([^"]*)"', page.split('id="main"')[1])
        # All a privacy officer may do is what the person has a right to.
        rights = [f"/studio/cards/{sample['card_id']}/{one}" for one in ("own-data", "restrict")]
        assert forms == (rights if role == "privacy" else [])
        assert at.post(f"/studio/cards/{sample['card_id']}/keep").status_code == 403


def test_the_picture_is_shown_to_who_took_it_and_to_nobody_else(desk, sample, uow, session):
    sales, other = desk("sales"), desk("sales", "de")
    hand_in(sales, (picture(), "IMG_1.png", "image/png"))
    read_all(uow, session)
    found = session.scalars(
        sa.select(Card).join(CardCapture).where(CardCapture.operator_id == sales.operator.id)
    ).one()
    answer = sales.get(f"/studio/cards/{found.id}/picture")
    assert answer.mimetype == "image/jpeg"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert Image.open(io.BytesIO(answer.data)).size == (60, 40)
    assert other.get(f"/studio/cards/{found.id}/picture").status_code == 404


def test_the_page_for_the_tablet_is_filled_in_with_its_boxes_left_alone(
    sales, anybody, sample, uow, settings
):
    with uow() as tx:
        card = kept(tx, sales.operator.id)
        form = create_form(
            tx,
            FormWords("Post", "Mail"),
            slug="names",
            purpose_ids=[sample["purpose_id"]],
            asks=[Ask("first_name"), Ask("last_name"), Ask("company")],
            at=now(),
        )
    page = sales.post(f"/studio/cards/{card.id}/sign-up", {"form": form.id}).text
    link = re.search(r'href="(https://news[^"]+card=[^"]+)"', page)[1].replace("&amp;", "&")
    # Not "zoe": random letters may spell it.
    assert "example" not in link.lower().partition("card=")[2]
    assert "zoe%40" not in link.lower()
    assert 'src="data:image/svg+xml' in page
    shown = anybody.get(link.removeprefix(BASE)).text
    for value in ("zoe@example.com", "Zoë", "Öztürk", "Linde GmbH"):
        assert f'value="{value}"' in shown
    assert "checked" not in shown
    assert "zoe@example.com" not in anybody.get("/s/names?card=forged").text
    assert prefill_token(settings, card.id) not in sales.get(f"/studio/cards/{card.id}").text


def test_t21_the_token_of_a_prefilled_page_does_not_get_into_logs(app):
    import logging

    from listmgr.web.security import NoTokens

    line = logging.LogRecord("x", 20, "", 1, "GET /s/mail?lang=de&card=WzFd.abc HTTP/1.1", (), None)
    NoTokens().filter(line)
    assert line.msg == "GET /s/mail?lang=de&card=… HTTP/1.1"


def test_a_first_reply_that_advertises_comes_back_with_what_to_take_out(sales, uow, sample):
    with uow() as tx:
        card = kept(tx, sales.operator.id)
    words = {"list_id": sample["list_id"], "subject": "Hallo", "body": "Heute mit Rabatt!"}
    answer = sales.post(f"/studio/cards/{card.id}/reply", words)
    assert answer.status_code == 422
    assert "Please take out: Rabatt" in answer.text
    assert "Heute mit Rabatt!" in answer.text


def test_overdue_notices_stand_on_the_overview_and_in_the_inbox(sales, uow, sample, session):
    with uow() as tx:
        card = kept(tx, sales.operator.id)
        card.notice_due_at = now()
    for path in ("/studio/", "/studio/cards"):
        assert "heap=overdue" in sales.get(path).text
    assert "Zoë Öztürk" in sales.get("/studio/cards?heap=overdue").text
    sales.post(f"/studio/cards/{card.id}/notice")
    assert "heap=overdue" not in sales.get("/studio/").text


def test_of_many_cards_some_are_looked_at_and_the_page_leads_on(
    sales, uow, sample, session, monkeypatch
):
    monkeypatch.setattr(inbox, "LOOKED", 2)
    with uow() as tx:
        for number in range(5):
            kept(tx, sales.operator.id, f"c{number}@example.com")
        notice = tx.session.scalars(sa.select(Notice)).first()
        make_confirmed(tx, "c0@example.com", notice, now())
    page = sales.get("/studio/cards?heap=kept").text
    assert "c4@example.com" in page
    assert "c2@example.com" not in page
    assert re.search(r'Kept <span class="count">2\+</span>', page)
    assert re.search(r'Confirmed <span class="count">0\+</span>', page)
    seen, pages = "/studio/cards?heap=confirmed", []
    while seen:
        pages.append(sales.get(seen).text)
        older = re.search(r'href="(/studio/cards\?[^"]*below=[^"]+)"', pages[-1])
        seen = html.unescape(older[1]) if older else ""
    assert "None among the cards looked at so far." in pages[0]
    assert [("c0@example.com" in text) for text in pages] == [False, False, True]


def test_a_subscriber_page_tells_of_the_card(admin, sample, uow):
    with uow() as tx:
        kept(tx, admin.operator.id, "anna@example.com")
    page = admin.get(f"/studio/subscribers/{sample['subscriber_id']}").text
    assert "Came in by a business card" in page
    assert "Buchmesse" in page


def test_who_objected_is_told_of_and_nothing_else(sales, uow, sample, session, engine):
    with uow() as tx:
        card = typed(tx, sales.operator.id, "bert@example.org")
        tx.session.execute(sa.text(
            "INSERT INTO suppressions (fingerprint, reason) SELECT fingerprint, 'objected'"
            " FROM subscribers WHERE address_key = 'bert@example.org'"))  # fmt: skip
    words = {"address": "bert@example.org", "first_name": "Bert"}
    assert sales.post(f"/studio/cards/{card.id}/keep", words).status_code == 303
    page = sales.get(f"/studio/cards/{card.id}").text
    assert "This person objected on" in page
    assert "bert@example.org" not in page
    assert sales.post(f"/studio/cards/{card.id}/discard").status_code == 303
    assert session.get(Card, card.id) is None


def test_hostile_words_of_a_card_are_shown_as_text(sales, uow, sample, session):
    evil = VCARD.replace("Linde GmbH", "<script>alert(1)</script>")
    hand_in(sales, (evil.format(address="zoe@example.com").encode(), "x.vcf", "text/vcard"))
    read_all(uow, session)
    page = sales.get("/studio/cards").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_consents_of_the_sample_are_untouched_by_cards(sales, sample, session, uow):
    before = session.scalars(sa.select(Consent.id)).all()
    with uow() as tx:
        kept(tx, sales.operator.id)
    session.rollback()
    assert session.scalars(sa.select(Consent.id)).all() == before
