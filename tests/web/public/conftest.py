"""The public pages over real servers: a mailbox, a worker, a name server, a web server."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import psycopg
import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from rq import Queue, SimpleWorker
from werkzeug.serving import make_server

from listmgr.campaigns import compose
from listmgr.config import Settings
from listmgr.delivery import engine as sending
from listmgr.delivery.launch import launch
from listmgr.kit.clock import now
from listmgr.kit.db import db
from listmgr.kit.queue import QUEUES
from listmgr.lists.models import Notice, SignupForm, SignupFormField, SignupFormPurpose
from listmgr.schema import resource
from tests.checksums import checksums
from tests.conftest import UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)
from tests.sink import Sink, running_sink


@pytest.fixture(scope="session")
def shared_mailbox() -> Iterator[Sink]:
    with running_sink() as started:
        yield started


@pytest.fixture
def mailbox(shared_mailbox: Sink) -> Sink:
    """A real SMTP server that keeps what it gets."""
    shared_mailbox.mails.clear()
    shared_mailbox.rcpt.clear()
    shared_mailbox.data_reply = "250 2.0.0 kept"
    shared_mailbox.on_data = None
    return shared_mailbox


@dataclass
class Names:
    """A small name server: `zone` maps (name, type) to what is answered; others do not exist."""

    port: int
    zone: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    silent: bool = False

    def exists(self, domain: str, **records: list[str]) -> None:
        for kind in ("MX", "A", "AAAA"):
            self.zone[domain, kind] = records.get(kind, [])


@pytest.fixture(scope="session")
def shared_names() -> Iterator[Names]:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    names = Names(server.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                octets, peer = server.recvfrom(4096)
            except OSError:
                return
            if not octets:
                return
            if not names.silent:
                server.sendto(_answer(names, octets), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield names
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"", ("127.0.0.1", names.port))
    thread.join(5)
    server.close()


def _answer(names: Names, octets: bytes) -> bytes:
    query = dns.message.from_wire(octets)
    answer = dns.message.make_response(query)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    names.asked.append(name)
    found = names.zone.get((name, kind))
    if found is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif found:
        answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *found))
    return answer.to_wire()


@pytest.fixture
def names(shared_names: Names) -> Names:
    """A real name server in which example.com and gmail.com take mail."""
    shared_names.zone.clear()
    shared_names.asked.clear()
    shared_names.silent = False
    for domain in ("example.com", "gmail.com"):
        shared_names.exists(domain, MX=[f"10 mx.{domain}."])
    return shared_names


@pytest.fixture
def settings(settings: Settings, mailbox: Sink, names: Names) -> Settings:
    return replace(settings, mail=mailbox.account, dns_servers=(f"127.0.0.1:{names.port}",))


@pytest.fixture
def notice(uow: UnitOfWork) -> Notice:
    """The wording of the only purpose of the form /s/news."""
    with uow() as tx:
        found = make_list(tx)[2]
        add_form(tx.session, "news", found)
        return found


def add_form(session: sa.orm.Session, slug: str, *notices: Notice) -> SignupForm:
    form = SignupForm(slug=slug, title_de="Post von uns", title_en="Mail from us")
    session.add(form)
    session.flush()
    for place, key in enumerate(("first_name", "last_name"), start=1):
        form.asks.append(SignupFormField(key=key, position=place))
    for notice in notices:
        session.add(SignupFormPurpose(form_id=form.id, purpose_id=notice.purpose_id))
    return form


@pytest.fixture
def work(app: Flask, settings: Settings) -> Callable[..., None]:
    """Run what is rung, as a worker does, until the queues are empty."""
    connection = redis.Redis.from_url(settings.redis_url)

    def run(*also: str) -> None:
        queues = [Queue(name, connection=connection, serializer="json") for name in QUEUES]
        for name in also:
            queues[0].enqueue(f"listmgr.jobs.{name}")
        with app.app_context():
            SimpleWorker(queues, connection=connection, serializer="json").work(
                burst=True, logging_level="CRITICAL", with_scheduler=False
            )
        failed = [job for queue in queues for job in queue.failed_job_registry.get_job_ids()]
        assert not failed, [
            result.exc_string
            for queue in queues
            for job in failed
            if (found := queue.fetch_job(job))
            for result in found.results()
        ]

    return run


@pytest.fixture
def fingerprint(shared_engine: sa.Engine) -> Callable[[], dict[str, str | None]]:
    """What the whole database holds now."""
    return lambda: checksums(shared_engine)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let time pass for every part that asks the clock, the signatures of links included."""
    import itsdangerous.timed

    from listmgr.jobs import (
        consents,
        service_mail,
    )
    from listmgr.kit import tokens
    from listmgr.web.public import (
        confirmation,
        signup,
        unsubscribe,
    )

    began = itsdangerous.timed.time.time

    def pass_by(span: timedelta) -> None:
        for module in (consents, service_mail, tokens, confirmation, unsubscribe, signup):
            monkeypatch.setattr(module, "now", lambda: now() + span)
        monkeypatch.setattr(
            itsdangerous.timed.TimestampSigner,
            "get_timestamp",
            lambda _self: int(began() + span.total_seconds()),
        )

    return pass_by


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """A real web server; links made by the application lead to another host, as in production."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def form_values(notice: Notice, address: str = "anna@example.com", **more: str) -> dict[str, str]:
    return {"address": address, "notice": str(notice.id), **more}


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return found.get_content()


def links(mail: EmailMessage) -> list[str]:
    """Every link a scanner would find in a mail, headers included."""
    everything = [part(mail, "plain"), part(mail, "html"), *mail.values()]
    return sorted(
        {link for text in everything for link in re.findall(r"https?://[^\s<>\"]+", text)}
    )


def path_of(link: str) -> str:
    return re.sub(r"^https?://[^/]+", "", link)


def confirm_path(mail: EmailMessage) -> str:
    return next(path_of(link) for link in links(mail) if "/c/" in link)


@pytest.fixture
def campaign_mail(
    uow: UnitOfWork, settings: Settings, notice: Notice, mailbox: Sink
) -> EmailMessage:
    """The mail of a launched campaign, as Berta got it."""
    with uow() as tx:
        make_confirmed(tx, "berta@example.com", notice, now())
        # She was asked long ago: today's limits have nothing to do with it.
        tx.session.execute(sa.text("DELETE FROM service_mails"))
        draft = compose.Draft(
            "Mai",
            notice.purpose_id,
            "Neues",
            body="Guten Tag!\n\nMehr auf [unserer Seite](https://news.example.org/more).",
        )
        campaign = compose.create(tx, draft, operator_id=None, at=now())
    with uow() as tx:
        launch(tx, campaign.id, templates=resource("templates"), at=now())
    sending.send_slice(uow, settings, campaign.id, "worker", now=now)
    [mail] = mailbox.to("berta@example.com")
    mailbox.mails.clear()
    return mail


def unsubscribe_path(mail: EmailMessage) -> str:
    return next(path_of(link) for link in links(mail) if "/u/" in link)


@contextmanager
def counted_statements(app: Flask) -> Iterator[list[object]]:
    """Collect the statements an application runs, those past the ORM included."""
    statements: list[object] = []

    class CountingCursor(psycopg.Cursor):
        def execute(self, query, *args, **options):
            statements.append(query)
            return super().execute(query, *args, **options)

    def count_statements(connection, _record) -> None:
        connection.cursor_factory = CountingCursor

    with app.app_context():
        engine = db.engine
    # Connections that are open already would not be counted.
    engine.dispose()
    sa.event.listen(engine, "connect", count_statements)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "connect", count_statements)
        engine.dispose()
