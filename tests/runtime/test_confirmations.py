"""Confirmation mails by a real worker: no fork, one job, one kept connection, nothing twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.consent import signup
from listmgr.consent.models import ServiceMail, ServiceMailStatus
from listmgr.kit.clock import now
from listmgr.kit.mail import KeptConnections, OutgoingMail, make_post
from listmgr.lists.models import SignupForm
from tests.factories import make_list
from tests.runtime.conftest import wait_until
from tests.sink import running_sink


@pytest.fixture
def sink():
    with running_sink() as started:
        yield started


@pytest.fixture
def env(sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTMGR_SMTP_URL", f"smtp://127.0.0.1:{sink.port}")


@pytest.fixture
def form(uow) -> tuple[int, int]:
    with uow() as tx:
        notice = make_list(tx)[2]
        made = SignupForm(slug="x", title_de="X", title_en="X")
        tx.session.add(made)
        tx.session.flush()
        return made.id, notice.id


def sign_up(app, form: tuple[int, int], *numbers: int) -> None:
    """As the form does: the rows are written, and their jobs rung."""
    for number in numbers:
        with app.extensions["listmgr"].unit_of_work() as tx:
            content = signup.SignupContent(
                f"p{number}@d{number}.example", (form[1],), "de", "https://x.example"
            )
            signup.receive(tx, form_id=form[0], content=content, at=now())


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_f08_confirmation_mails_go_by_one_job_of_a_process_that_never_forks(
    env, app_with, sink, start, form, valkey, session
):
    app = app_with()
    worker = start("worker", "--queues=mail")
    sign_up(app, form, 0)
    wait_until(lambda: len(sink.mails) == 1)
    before = valkey.info("commandstats")["cmdstat_blpop"]["calls"]
    forks = []
    for number in range(1, 21):
        sign_up(app, form, number)
        forks.append(children(worker.pid))
    wait_until(lambda: len(sink.mails) == 21)
    wait_until(lambda: valkey.llen("rq:queue:mail") == 0)
    assert set(forks) == {""}
    # One job a mail, and all of them over the connection that was open.
    after = valkey.info("commandstats")["cmdstat_blpop"]["calls"]
    assert after - before <= 21
    assert len(sink.peers) == 1
    sent = sa.select(sa.func.count()).where(ServiceMail.status == ServiceMailStatus.SENT)
    wait_until(lambda: session.rollback() or session.scalar(sent) == 21)


def test_f08_a_worker_killed_in_the_middle_sends_nothing_twice(
    env, app_with, sink, start, form, session
):
    app = app_with()
    worker = start("worker", "--queues=mail")
    sign_up(app, form, *range(30))
    wait_until(lambda: len(sink.mails) >= 5)
    worker.kill()
    worker.wait()
    start("worker", "--queues=mail")
    start("scheduler")

    def settled() -> bool:
        session.rollback()
        left = session.scalar(sa.text("SELECT count(*) FROM signups"))
        queued = session.scalar(
            sa.text("SELECT count(*) FROM service_mails WHERE status NOT IN ('sent', 'sending')")
        )
        return left == queued == 0

    wait_until(settled, 60)
    got = [to for to, _mail in sink.mails]
    assert len(set(got)) == len(got)
    # The one that was in its hands may have been taken: it is not sent again.
    assert len(got) >= 29


def test_f08_a_connection_the_server_has_closed_is_opened_again(settings, app, sink):
    keep = KeptConnections()
    post = make_post(app, keep)
    account = replace(settings.mail, host="127.0.0.1", port=sink.port)
    letter = OutgoingMail("a@example.org", "x", "x", "<p>x</p>", "We", "we@example.org")
    post(letter, account)
    kept = keep._open[account].connection.host
    assert kept is not None and kept.sock is not None
    kept.sock.shutdown(2)
    post(letter, account)
    post(letter, account)
    assert len(sink.mails) == 3
    assert keep._open[account].connection.host is not kept
    keep.close()
    assert keep._open == {}
