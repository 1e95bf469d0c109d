"""Nobody is flooded by our service_mail, and nobody learns from the form who is subscribed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.models import Consent, ServiceMail, ServiceMailStatus, Signup
from listmgr.jobs import service_mail
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.factories import (
    make_confirmed,
    make_pending,
    make_subscriber,
)
from tests.web.public.conftest import form_values


def signups(session) -> int:
    session.expire_all()
    return session.scalar(sa.select(sa.func.count()).select_from(Signup))


def stamp_of(page: str) -> str:
    return re.search(r'name="began" value="([^"]+)"', page)[1]


def test_t10_the_answer_is_the_same_for_new_pending_active_and_suppressed(
    client, notice, uow, work, mailbox, session
):
    with uow() as tx:
        make_pending(tx, "pending@example.com", notice, now() - timedelta(hours=1))
        make_confirmed(tx, "active@example.com", notice, now() - timedelta(days=3))
        gone = make_subscriber(tx, "suppressed@example.com", now())
        suppress(tx, gone.fingerprint, SuppressionReason.OBJECTED, at=now())
        held = make_subscriber(tx, "restricted@example.com", now())
        held.restricted_at = now()
    names = ("new", "pending", "active", "suppressed", "restricted")
    answers, pages = set(), set()
    for name in names:
        sent = client.post("/s/news?lang=de", data=form_values(notice, f"{name}@example.com"))
        answers.add((sent.status_code, sent.text, str(sorted(sent.headers))))
        pages.add(client.get(sent.location).text)
    trapped = client.post("/s/news?lang=de", data=form_values(notice, comment="buy now"))
    answers.add((trapped.status_code, trapped.text, str(sorted(trapped.headers))))
    assert len(answers) == len(pages) == 1
    # What the request itself wrote is one row for each person too; the rest is the worker's.
    assert signups(session) == len(names)
    work()
    subjects = {name: [m["Subject"] for m in mailbox.to(f"{name}@example.com")] for name in names}
    assert subjects["active"] == ["Sie sind bereits angemeldet"]
    assert subjects["new"] == subjects["suppressed"] == ["Bitte bestätigen Sie Ihre Anmeldung"]
    assert subjects["pending"] == subjects["restricted"] == []


def test_t09_one_address_gets_one_mail_a_day_however_it_is_spelled(client, notice, work, mailbox):
    for spelling in ("anna@gmail.com", "an.na@gmail.com", "ANNA+shop@googlemail.com"):
        answer = client.post("/s/news", data=form_values(notice, spelling))
        # The network's answer tells nothing of the limit; "googlemail.com" has no records here.
        assert answer.status_code in {303, 422}
    work()
    assert len(mailbox.mails) == 1


def test_t09_one_domain_gets_only_so_many_an_hour(app_with, settings, notice, mailbox):
    app = app_with(domain_per_hour=3)
    client = app.test_client()
    for number in range(6):
        answer = client.post("/s/news", data=form_values(notice, f"p{number}@example.com"))
        assert answer.status_code == 303
    for _ in range(3):
        run_worker(app, settings)
        with app.app_context():
            service_mail.sweep_service_mails()
    assert len(mailbox.mails) == 3


def run_worker(app, settings) -> None:
    import redis
    from rq import Queue, SimpleWorker

    connection = redis.Redis.from_url(settings.redis_url)
    with app.app_context():
        SimpleWorker(
            [Queue("mail", connection=connection, serializer="json")],
            connection=connection,
            serializer="json",
        ).work(burst=True, logging_level="CRITICAL")


def test_t09_one_network_gets_so_many_an_hour_and_is_told_when_to_come_back(
    app_with, notice, session
):
    client = app_with(signups_per_hour=3).test_client()
    # A whole /24 counts as one, and so does a /48.
    for number in range(3):
        where = {"REMOTE_ADDR": f"192.0.2.{number}"}
        values = form_values(notice, f"p{number}@example.com")
        assert client.post("/s/news", data=values, environ_base=where).status_code == 303
    values = form_values(notice, first_name="Änne")
    held = client.post("/s/news?lang=de", data=values, environ_base={"REMOTE_ADDR": "192.0.2.99"})
    assert held.status_code == 429
    assert 0 < int(held.headers["Retry-After"]) <= 3600
    assert "Minuten noch einmal" in held.text
    # Nothing typed is lost.
    assert 'value="anna@example.com"' in held.text
    assert 'value="Änne"' in held.text
    assert signups(session) == 3
    elsewhere = {"REMOTE_ADDR": "198.51.100.1"}
    assert client.post("/s/news", data=values, environ_base=elsewhere).status_code == 303


def test_t09_the_count_is_shared_by_processes_and_ends_by_itself(app_with, settings, notice):
    import redis

    clients = [app_with(signups_per_hour=2).test_client() for _ in range(2)]
    sent = [
        clients[turn % 2].post("/s/news", data=form_values(notice, f"p{turn}@example.com"))
        for turn in range(4)
    ]
    assert [answer.status_code for answer in sent] == [303, 303, 429, 429]
    connection = redis.Redis.from_url(settings.redis_url)
    [key] = connection.keys("limit:*")
    assert 0 < connection.ttl(key) <= 3600


def test_t09_without_valkey_the_limit_and_the_sign_up_still_work(app_with, notice, session):
    from listmgr.web import rate_limit

    rate_limit._alone.clear()
    client = app_with(redis_url="redis://127.0.0.1:1/0", signups_per_hour=2).test_client()
    codes = [
        client.post("/s/news", data=form_values(notice, f"p{n}@example.com")).status_code
        for n in range(3)
    ]
    assert codes == [303, 303, 429]
    assert signups(session) == 2


def test_a_lost_bell_is_rung_again_by_the_sweep(app_with, notice, work, mailbox):
    away = app_with(redis_url="redis://127.0.0.1:1/0").test_client()
    assert away.post("/s/news", data=form_values(notice)).status_code == 303
    work()
    assert mailbox.mails == []
    work("sweep_signups")
    assert len(mailbox.mails) == 1


def test_t09_a_filled_trap_is_answered_like_a_person_and_writes_nothing(
    client, notice, fingerprint
):
    before = fingerprint()
    answer = client.post("/s/news?lang=de", data=form_values(notice, comment="cheap watches"))
    assert (answer.status_code, answer.location) == (303, "/s/news/thanks?lang=de")
    assert fingerprint() == before


@pytest.fixture
def hasty(app_with):
    """The site as it is by default: a form takes a person two seconds at least."""
    return app_with(signup_min_seconds=2.0).test_client()


def stamp(settings, seconds_ago: float, form_id: int = 1, keys: tuple[str, ...] = ()) -> str:
    opened = now() - timedelta(seconds=seconds_ago)
    return make_token(
        keys or settings.secret_keys, TokenPurpose.FORM, form_id, round(opened.timestamp() * 1000)
    )


@pytest.mark.parametrize(
    ("seconds_ago", "code"), [(0, 422), (1.5, 422), (2.1, 303), (3600, 303), (90_000, 422)]
)
def test_t09_a_form_filled_faster_than_a_person_can_is_asked_for_again(
    hasty, notice, settings, seconds_ago, code
):
    values = form_values(notice, began=stamp(settings, seconds_ago))
    assert hasty.post("/s/news", data=values).status_code == code


def test_t09_a_stamp_cannot_be_made_up(hasty, notice, settings, session):
    wrong = [
        "",
        "x",
        stamp(settings, 60, keys=("elsewhere",)),
        stamp(settings, 60, form_id=2),
        stamp(settings, -60),
        make_token(settings.secret_keys, TokenPurpose.CONFIRM, 1, 1),
    ]
    for began in wrong:
        answer = hasty.post("/s/news?lang=de", data=form_values(notice, began=began))
        assert answer.status_code == 422
        assert "Das ging sehr schnell" in answer.text
        assert 'value="anna@example.com"' in answer.text
    assert signups(session) == 0


def test_t09_who_was_too_fast_gets_in_by_the_second_press(hasty, notice, session, clock):
    began = stamp_of(hasty.get("/s/news").text)
    first = hasty.post("/s/news", data=form_values(notice, began=began))
    assert first.status_code == 422
    # The stamp stays the first one: correcting a mistake does not start the clock again.
    assert stamp_of(first.text) == began
    clock(timedelta(seconds=3))
    assert hasty.post("/s/news", data=form_values(notice, began=began)).status_code == 303
    assert signups(session) == 1


def test_m16_a_failed_mail_does_not_keep_the_person_out_for_a_day(
    client, notice, work, mailbox, session
):
    mailbox.rcpt["anna@example.com"] = "550 5.2.2 mailbox full"
    client.post("/s/news", data=form_values(notice))
    work()
    assert session.scalars(sa.select(ServiceMail.status)).all() == [ServiceMailStatus.FAILED]
    mailbox.rcpt.clear()
    client.post("/s/news", data=form_values(notice))
    work()
    assert len(mailbox.mails) == 1
    assert session.scalars(sa.select(sa.func.count()).select_from(Consent)).one() == 1
