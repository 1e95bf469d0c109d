"""The confirmation mail: sober, one for each click, and never lost while it can still be of use."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest
import sqlalchemy as sa

from listmgr.consent import service_mail_sender
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ConsentEvidence, ServiceMail, ServiceMailStatus
from listmgr.consent.service_mail_content import (
    Advertising,
    compose_service_mail,
)
from listmgr.consent.service_mail_sender import (
    send_service_mail,
    sweep_service_mails,
)
from listmgr.kit.rows import rows_of
from listmgr.lists.models import MailingList
from listmgr.schema import resource
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_list,
    make_pending,
)
from tests.kit.test_mail import upto
from tests.sink import by, parse, running_sink, scripted

TEMPLATES = resource("templates")


@pytest.fixture(scope="module")
def sink():
    with running_sink() as started:
        yield started


@pytest.fixture
def mailbox(sink):
    sink.mails.clear()
    sink.rcpt.clear()
    sink.data_reply = "250 2.0.0 kept"
    sink.on_data = None
    return sink


@pytest.fixture
def notice(uow: UnitOfWork):
    with uow() as tx:
        return make_list(tx)[2]


@pytest.fixture
def asked(uow: UnitOfWork, notice) -> int:
    """Anna has asked; the id of the question that waits."""
    with uow() as tx:
        make_pending(tx, "anna@example.com", notice, NOW)
    return 1


def send(uow: UnitOfWork, account, service_mail_id: int = 1, at=NOW) -> None:
    send_service_mail(uow, by(account), TEMPLATES, service_mail_id, now=lambda: at)


def look(uow: UnitOfWork, service_mail_id: int = 1) -> ServiceMail:
    with uow() as tx:
        return tx.session.get_one(ServiceMail, service_mail_id)


def test_l10_a_template_with_a_typed_name_is_not_sent(uow, asked, mailbox, tmp_path):
    for name, text in (("subject.txt", "x"), ("body.txt", "x"), ("body.html", "{{ first_name }}")):
        path = tmp_path / "mail" / "confirm_subscription" / "de" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    send_service_mail(uow, by(mailbox.account), tmp_path, 1, now=lambda: NOW)
    assert mailbox.mails == []
    assert look(uow).status is ServiceMailStatus.FAILED
    assert "first_name" in look(uow).last_error


def test_l10_an_imprint_that_advertises_holds_the_mail_back_and_says_why(uow, asked, mailbox):
    with uow() as tx:
        tx.session.get_one(MailingList, 1).imprint = "Folgen Sie uns: facebook.com/mueller"
    send(uow, mailbox.account)
    assert mailbox.mails == []
    assert (look(uow).status, look(uow).attempts) == (ServiceMailStatus.FAILED, 0)
    assert "not sober" in look(uow).last_error


def test_l10_a_list_may_be_called_what_it_is(uow, asked, mailbox):
    with uow() as tx:
        found = tx.session.get_one(MailingList, 1)
        found.name = "Angebote & Gutscheine"
        found.imprint = "Müller GmbH, https://mueller.example/impressum"
    send(uow, mailbox.account)
    assert len(mailbox.mails) == 1


# States and retries.


def test_m16_one_question_is_one_mail_however_often_it_is_rung(uow, asked, mailbox):
    for _ in range(3):
        send(uow, mailbox.account)
    assert len(mailbox.mails) == 1
    assert (look(uow).status, look(uow).attempts) == (ServiceMailStatus.SENT, 1)


def test_m16_two_workers_at_once_send_one_mail(uow, asked, mailbox):
    held, go_on = threading.Event(), threading.Event()

    def hold(_to: str) -> None:
        held.set()
        go_on.wait(10)

    mailbox.on_data = hold
    # The server's loop waits inside DATA, so the second worker runs while the first is sending.
    first = threading.Thread(target=send, args=(uow, mailbox.account))
    first.start()
    assert held.wait(10)
    send(uow, mailbox.account)
    assert look(uow).status is ServiceMailStatus.SENDING
    go_on.set()
    first.join(10)
    assert len(mailbox.mails) == 1
    assert look(uow).status is ServiceMailStatus.SENT


def due(uow: UnitOfWork, jobs, at) -> list[int]:
    jobs.clear()
    with uow() as tx:
        sweep_service_mails(tx, at=at)
    return [job.args[0] for job in jobs]


def test_m16_a_server_that_is_down_loses_nothing(uow, asked, mailbox, jobs):
    down = replace(mailbox.account, port=1, timeout=1.0)
    send(uow, down)
    found = look(uow)
    assert (found.status, found.attempts) == (ServiceMailStatus.QUEUED, 1)
    assert found.last_error.startswith("server away")
    assert due(uow, jobs, NOW + timedelta(seconds=30)) == []
    assert due(uow, jobs, NOW + timedelta(minutes=1)) == [1]
    later = NOW + timedelta(hours=20)
    send(uow, mailbox.account, at=later)
    assert len(mailbox.mails) == 1
    assert look(uow).status is ServiceMailStatus.SENT
    # The link in the mail is the last one made, and works.
    token = re.search(rb"/c/([\w.-]+)", mailbox.mails[0][1].replace(b"=\r\n", b""))[1].decode()
    from listmgr.consent.confirm import ConfirmationState
    from listmgr.consent.confirm import confirmation_view as look_at

    with uow() as tx:
        view = look_at(rows_of(tx.session), tx.settings, token, later)
    assert view.state is ConfirmationState.OPEN


def test_m16_while_the_server_is_away_one_mail_a_minute_asks(uow, notice, mailbox):
    with uow() as tx:
        for number in range(3):
            make_pending(tx, f"p{number}@example.com", notice, NOW)
    down = replace(mailbox.account, port=1, timeout=1.0)
    for service_mail in (1, 2, 3):
        send(uow, down, service_mail)
    assert [look(uow, n).attempts for n in (1, 2, 3)] == [1, 0, 0]
    for service_mail in (2, 3):
        send(uow, mailbox.account, service_mail, at=NOW + timedelta(seconds=59))
    assert mailbox.mails == []
    for service_mail in (2, 3):
        send(uow, mailbox.account, service_mail, at=NOW + timedelta(seconds=61))
    assert len(mailbox.mails) == 2


@pytest.mark.parametrize(
    ("command", "reply", "status"),
    [
        ("MAIL", "silence", ServiceMailStatus.QUEUED),
        ("RCPT", "450 4.2.0 greylisted", ServiceMailStatus.QUEUED),
        ("DATA", "451 4.3.0 later", ServiceMailStatus.QUEUED),
        (".", "452 4.3.1 disk full", ServiceMailStatus.QUEUED),
        ("RCPT", "550 5.1.1 no such user", ServiceMailStatus.FAILED),
        (".", "554 5.6.0 refused", ServiceMailStatus.FAILED),
        (".", "silence", ServiceMailStatus.UNCERTAIN),
        (".", "hang up", ServiceMailStatus.UNCERTAIN),
    ],
)
def test_m16_what_the_server_says_decides_what_happens_next(
    uow, asked, mailbox, jobs, command, reply, status
):
    with scripted(upto(command, reply)) as account:
        send(uow, account)
    assert (look(uow).status, look(uow).attempts) == (status, 1)
    assert look(uow).last_error != ""
    later = NOW + timedelta(hours=2)
    again = due(uow, jobs, later)
    assert again == ([1] if status is ServiceMailStatus.QUEUED else [])
    # Whatever rings again, only what surely did not go is sent.
    send(uow, mailbox.account, at=later)
    assert len(mailbox.mails) == (status is ServiceMailStatus.QUEUED)
    with uow() as tx:
        assert tx.session.scalars(sa.select(Consent.status)).one() is ConsentStatus.PENDING


def test_m16_a_worker_killed_while_sending_leaves_it_uncertain(uow, asked, mailbox, jobs):
    with uow() as tx:
        service_mail = tx.session.get_one(ServiceMail, 1)
        assert service_mail_sender.claim(tx, service_mail, TEMPLATES, NOW) is not None
    assert due(uow, jobs, NOW + timedelta(minutes=9)) == []
    assert look(uow).status is ServiceMailStatus.SENDING
    assert due(uow, jobs, NOW + timedelta(minutes=11)) == []
    assert look(uow).status is ServiceMailStatus.UNCERTAIN
    send(uow, mailbox.account, at=NOW + timedelta(minutes=12))
    assert mailbox.mails == []


def test_each_attempt_waits_longer_and_after_two_days_it_is_over(uow, asked, mailbox, jobs):
    down = replace(mailbox.account, port=1, timeout=1.0)
    at, tries = NOW, 0
    while look(uow).status is ServiceMailStatus.QUEUED:
        if due(uow, jobs, at):
            tries += 1
            send(uow, down, at=at)
        at += timedelta(minutes=15)
    assert NOW + timedelta(hours=48) <= at <= NOW + timedelta(hours=49)
    assert 40 < tries < 60
    assert look(uow).status is ServiceMailStatus.FAILED


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE subscribers SET restricted_at = now()",
        "UPDATE mailing_lists SET archived_at = now()",
        "UPDATE consents SET expires_at = '2026-11-23 11:59+00'",
    ],
)
def test_l11_nothing_is_asked_that_is_no_longer_wanted(uow, asked, mailbox, change):
    with uow() as tx:
        tx.session.execute(sa.text(change))
    send(uow, mailbox.account)
    assert mailbox.mails == []
    assert look(uow).last_error == "nothing left to ask"


def test_l11_a_captured_consent_alone_sends_no_question(uow, mailbox, notice, jobs):
    from listmgr.consent.capture import capture
    from listmgr.consent.models import ConsentSource
    from tests.factories import make_subscriber

    with uow() as tx:
        person = make_subscriber(tx, "card@example.com", NOW)
        for source in (ConsentSource.CARD,):
            capture(tx, person, notice, source=source, at=NOW, actor="operator:1")
    assert jobs == []
    assert due(uow, jobs, NOW + timedelta(days=3)) == []
    assert mailbox.mails == []


def test_a_mail_with_advertising_raises_for_who_composes_it(uow, asked):
    with uow() as tx, pytest.raises(Advertising):
        tx.session.get_one(MailingList, 1).controller = "Willkommen bei uns"
        tx.session.flush()
        compose_service_mail(
            tx,
            tx.session.get_one(ServiceMail, 1),
            [tx.session.get_one(Consent, 1)],
            "t",
            TEMPLATES,
        )


def test_l03_the_kept_mail_is_the_sent_one_but_for_the_secret_of_its_link(
    uow, asked, mailbox, session
):
    """Octet for octet: it can be parsed, and laid beside what the person has received."""
    with uow() as tx:
        # Longer names move the link, and with it the places where its line is broken.
        tx.session.get_one(MailingList, 1).name = "Der große Brief für alle, die Öl fördern"
    send(uow, mailbox.account)
    [(_, received)] = mailbox.mails
    contents = session.scalars(sa.select(ConsentEvidence.content)).all()
    [evidence] = [found for content in contents if "mail" in (found := json.loads(content))]
    kept = evidence["mail"].encode()
    assert len(kept) == len(received)
    token = re.search(r"/c/(\S+)", parse(received).get_body(("plain",)).get_content())[1]
    assert evidence["mail_sha256"] == hashlib.sha256(received).hexdigest()
    differing = [
        at for at, pair in enumerate(zip(kept, received, strict=True)) if len(set(pair)) > 1
    ]
    assert {kept[at] for at in differing} == {ord("x")}
    assert len(differing) <= 3 * len(token)
    for kind in ("plain", "html"):
        masked = parse(kept).get_body((kind,)).get_content()
        sent = parse(received).get_body((kind,)).get_content()
        assert masked == sent.replace(token, "x" * len(token)) != sent
    assert "=\r\n" in evidence["mail"]


@pytest.mark.parametrize("before", range(78))
def test_l03_the_secret_is_masked_wherever_its_line_is_broken(before):
    token = "MTIzNDU2Nzg5MA.aGVsbG8.d29ybGQ-_x0"
    message = EmailMessage(policy=SMTP)
    message.set_content("y" * before + f" https://x.example/c/{token}\r\n", cte="quoted-printable")
    sent = message.as_bytes()
    kept = service_mail_sender.without_secret(sent, token)
    assert len(kept) == len(sent)
    assert parse(kept).get_content() == parse(sent).get_content().replace(token, "x" * len(token))
