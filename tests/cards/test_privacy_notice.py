"""The person hears of their card in time: due dates, by hand, or by the first reply."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from listmgr.cards import funnel
from listmgr.cards.funnel import Funnels, OccasionFunnel, count_again, funnels
from listmgr.cards.models import Card, CardCount, CardReply, CardUpload, NoticeWay, ReplyStatus
from listmgr.cards.outreach.reply import (
    ReplyWords,
    write_reply,
)
from listmgr.cards.outreach.reply_linter import not_of_service
from listmgr.cards.outreach.reply_sender import (
    send_reply,
    sweep_replies,
)
from listmgr.cards.privacy_notice import (
    count_overdue,
    due_at,
    record_notice_given,
)
from listmgr.cards.retention import purge_uploads
from listmgr.cards.review import CardWords, accept_card, discard
from listmgr.config import MailSettings, SettingsError, load_settings
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.mail import MailUncertain
from listmgr.operators.models import AuditEntry
from listmgr.schema import resource
from listmgr.subscribers.address import fingerprint
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.cards.corrections import (
    hand_in,
    kept,
    picture,
    typed,
)
from tests.cards.test_outreach import (
    asked,
    press_confirm,
    stated,
)
from tests.sink import by, running_sink

BODY = "Guten Tag Frau Öztürk,\n\nvielen Dank für das Gespräch. Das Muster ist unterwegs."


@pytest.fixture
def sink():
    with running_sink() as started:
        yield started


@pytest.fixture
def post(sink):
    return by(sink.account)


def write(tx, card, notice, operator_id, body=BODY, subject="Unser Gespräch") -> CardReply:
    return write_reply(
        tx,
        card.id,
        None,
        ReplyWords(subject, body),
        list_id=1,
        operator_id=operator_id,
        at=now(),
    )


@pytest.mark.parametrize(
    ("taken", "days", "due"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), 30, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2028, 1, 31, tzinfo=UTC), 30, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 12, 10, tzinfo=UTC), 30, datetime(2027, 1, 9, tzinfo=UTC)),
        (datetime(2026, 3, 1, tzinfo=UTC), 14, datetime(2026, 3, 15, tzinfo=UTC)),
    ],
)
def test_l25_the_notice_is_due_within_a_month_at_most(taken, days, due):
    assert due_at(taken, days) == due


@pytest.mark.parametrize("days", ["0", "31", "400"])
def test_l25_no_setting_makes_it_later_than_a_month(tmp_path, days):
    env = {"LISTMGR_DATA_DIR": str(tmp_path), "LISTMGR_CARD_NOTICE_DAYS": days}
    with pytest.raises(SettingsError, match="CARD_NOTICE_DAYS"):
        load_settings(env)


def test_l25_overdue_notices_are_counted_until_they_are_given(uow, session, settings, ada, ben):
    with uow() as tx:
        card = kept(tx, ada.id, at=now())
    later = now() + timedelta(days=settings.card_notice_days, minutes=1)
    assert count_overdue(session, ada.id, at=now()) == 0
    assert count_overdue(session, ada.id, at=later) == 1
    assert count_overdue(session, ben.id, at=later) == 0
    assert count_overdue(session, None, at=later) == 1
    with uow() as tx:
        found = record_notice_given(tx, card.id, ada.id, operator_id=ada.id, at=now())
        assert (found.notice_way, found.notice_by) == (NoticeWay.BY_HAND, ada.id)
    assert count_overdue(session, ada.id, at=later) == 0


def test_l25_the_confirmation_mail_is_a_contact_and_makes_the_notice_due(uow, session, ada, notice):
    asked(uow, notice, ada.id)
    assert count_overdue(session, ada.id, at=now()) == 1


def test_the_first_reply_carries_notice_source_and_right_to_object(
    uow, session, settings, ada, notice, post, sink
):
    with uow() as tx:
        card = kept(tx, ada.id)
        letter = write(tx, card, notice, ada.id)
    send_reply(uow, post, resource("templates"), letter.id, now=now)
    [mail] = sink.to("zoe@example.com")
    for kind in ("plain", "html"):
        text = " ".join(mail.get_body((kind,)).get_content().split())
        for told in (
            "vielen Dank für das Gespräch",
            "(Buchmesse)",
            "Visitenkarte",
            "Müller & Töchter GmbH" if kind == "plain" else "Müller &amp; Töchter GmbH",
            "Art. 21 DSGVO",
            f"nach {settings.card_days} Tagen",
            "https://news.example.org/privacy",
            "Hauptstraße 12",
        ):
            assert told in text, (kind, told)
    assert mail["Reply-To"] == "ada@example.org"
    assert "List-Unsubscribe" not in mail
    assert [to for to, _mail in sink.mails] == ["zoe@example.com"]
    found = session.get_one(Card, card.id)
    assert (found.notice_way, found.notice_by) == (NoticeWay.REPLY, ada.id)
    send_reply(uow, post, resource("templates"), letter.id, now=now)
    assert len(sink.mails) == 1


def test_what_the_operator_writes_is_text_and_no_markup(uow, ada, notice, post, sink):
    with uow() as tx:
        card = kept(tx, ada.id, occasion="<b>Messe</b>")
        letter = write(tx, card, notice, ada.id, body="1 < 2 & so weiter")
    send_reply(uow, post, resource("templates"), letter.id, now=now)
    html = sink.to("zoe@example.com")[0].get_body(("html",)).get_content()
    assert "1 &lt; 2 &amp; so weiter" in html
    assert "<b>Messe" not in html


@pytest.mark.parametrize(
    "body",
    [
        "Heute 20 % Rabatt!",
        "Abonnieren Sie unseren Newsletter.",
        "Folgen Sie uns auf instagram.com/uns",
        "Mehr: https://track.example.org/x",
        "<img src=x>",
        "Use this voucher",
    ],
)
def test_l17_the_first_reply_does_not_advertise(uow, session, ada, notice, body):
    with uow() as tx:
        card = kept(tx, ada.id)
    with pytest.raises(InvalidInput) as error, uow() as tx:
        write(tx, card, notice, ada.id, body=body)
    assert error.value.fields["found"]
    assert session.scalar(sa.select(sa.func.count()).select_from(CardReply)) == 0


def test_an_honest_answer_passes_the_linter():
    assert (
        not_of_service("Unser Gespräch", BODY + " Das gewünschte Angebot folgt. Fragen? Gern!")
        == []
    )


def test_t17_a_subject_is_one_line(uow, ada, notice):
    with uow() as tx:
        card = kept(tx, ada.id)
    with pytest.raises(InvalidInput) as error, uow() as tx:
        write(tx, card, notice, ada.id, subject="Hallo\r\nBcc: all@example.com")
    assert "subject" in error.value.fields


def test_one_first_reply_and_no_campaign_by_hand(uow, ada, notice):
    with uow() as tx:
        card = kept(tx, ada.id)
        write(tx, card, notice, ada.id)
    with pytest.raises(Refused, match="has been written"), uow() as tx:
        write(tx, card, notice, ada.id)
    with uow() as tx:
        other = typed(tx, ada.id, "other@example.com")
        with pytest.raises(Refused, match="Review"):
            write(tx, other, notice, ada.id)


def test_a_silent_server_leaves_the_reply_waiting_and_a_refusal_ends_it(
    uow, session, ada, notice, engine, settings
):
    with uow() as tx:
        letter = write(tx, kept(tx, ada.id), notice, ada.id)
    away = by(MailSettings(port=1, sender="x@example.org"))
    send_reply(uow, away, resource("templates"), letter.id, now=now)
    session.expire_all()
    found = session.get_one(CardReply, letter.id)
    assert (found.status, found.attempts) == (ReplyStatus.QUEUED, 1)
    with uow() as tx:
        assert sweep_replies(tx, at=now()) == 0
    with uow() as tx:
        assert sweep_replies(tx, at=now() + timedelta(minutes=6)) == 1

    def broken(_letter, _way):
        raise MailUncertain("the line broke")

    send_reply(uow, broken, resource("templates"), letter.id, now=now)
    session.expire_all()
    assert session.get_one(CardReply, letter.id).status is ReplyStatus.UNCERTAIN


def test_who_objected_meanwhile_gets_no_reply(uow, session, settings, ada, notice, post, sink):
    with uow() as tx:
        card = kept(tx, ada.id)
        letter = write(tx, card, notice, ada.id)
        key = fingerprint(settings.suppression_key, "zoe@example.com")
        suppress(tx, key, SuppressionReason.OBJECTED, at=now())
    send_reply(uow, post, resource("templates"), letter.id, now=now)
    assert sink.mails == []
    assert session.get_one(CardReply, letter.id).status is ReplyStatus.FAILED


def test_a_worker_killed_while_sending_sends_nothing_twice(uow, session, ada, notice, post, sink):
    with uow() as tx:
        letter = write(tx, kept(tx, ada.id), notice, ada.id)

    def killed(_letter, _way):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_reply(uow, killed, resource("templates"), letter.id, now=now)
    send_reply(uow, post, resource("templates"), letter.id, now=now)
    assert sink.mails == []
    with uow() as tx:
        sweep_replies(tx, at=now() + timedelta(minutes=11))
    assert session.get_one(CardReply, letter.id).status is ReplyStatus.UNCERTAIN


def test_the_funnel_counts_occasions_and_outlives_the_cards(uow, session, ada, ben, notice):
    asked(uow, notice, ada.id, "a@example.com")
    _card, service_mail = asked(uow, notice, ada.id, "b@example.org")
    press_confirm(uow, service_mail)
    with uow() as tx:
        third = kept(tx, ben.id, "c@example.com")
        typed(tx, ben.id, "d@example.com", occasion="")
    expected = [OccasionFunnel("Buchmesse", 3, 2, 1), OccasionFunnel("", 1, 0, 0)]
    assert funnels(session) == Funnels(expected, None)
    with uow() as tx:
        discard(tx, third.id, ben.id, at=now())
    session.expire_all()
    assert funnels(session) == Funnels(expected, None)
    # Of occasions only: there is no number beside anybody's name.
    assert not re.search("ada|ben", repr(funnels(session)), re.IGNORECASE)


def test_many_cards_are_counted_by_a_job_and_the_page_says_when(
    uow, session, ada, notice, monkeypatch
):
    monkeypatch.setattr(funnel, "LIVE", 1)
    with uow() as tx:
        typed(tx, ada.id, "a@example.com")
        typed(tx, ada.id, "b@example.com", occasion="")
    one_each = [OccasionFunnel("Buchmesse", 1, 0, 0), OccasionFunnel("", 1, 0, 0)]
    # Before the job has run, the page counts.
    assert funnels(session) == Funnels(one_each, None)
    at = now()
    for _ in range(2):
        with uow() as tx:
            count_again(tx, at=at)
    with uow() as tx:
        typed(tx, ada.id, "c@example.com")
    session.expire_all()
    assert funnels(session) == Funnels(one_each, at)
    monkeypatch.setattr(funnel, "LIVE", 10)
    assert funnels(session).rows[0] == OccasionFunnel("Buchmesse", 2, 0, 0)
    with uow() as tx:
        count_again(tx, at=at)
    assert session.scalars(sa.select(CardCount)).all() == []


def test_pictures_kept_for_a_reason_go_after_their_days(uow, session, settings, ada):
    hand_in(uow, ada.id, picture(), keep_reason="the order is on its back")
    [card] = session.scalars(sa.select(Card))
    later = now() + timedelta(days=settings.card_picture_days, minutes=1)
    with uow() as tx:
        # Nobody has looked yet: it is still needed.
        assert purge_uploads(tx, at=later) == 0
        accept_card(tx, card.id, ada.id, CardWords("zoe@example.com"), at=now())
    with uow() as tx:
        assert purge_uploads(tx, at=now()) == 0
    with uow() as tx:
        assert purge_uploads(tx, at=later) == 1
    upload = session.scalars(sa.select(CardUpload).execution_options(populate_existing=True)).one()
    assert (upload.content, upload.keep_reason) == (None, "")
    assert session.scalar(
        sa.select(AuditEntry.details).where(AuditEntry.action == "card.pictures_deleted")
    ) == {"uploads": 1}


def test_a_statement_waits_with_its_card_and_not_a_weak_longer(uow, ada, notice):
    with uow() as tx:
        card = kept(tx, ada.id)
        assert stated(tx, card, notice, ada.id).expires_at == card.delete_at
