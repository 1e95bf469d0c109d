"""Letters in the name of a list leave by its sender, before any campaign, and are counted there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import redis
import sqlalchemy as sa
from flask import Flask

from listmgr.cards.models import CardReply, ReplyStatus
from listmgr.cards.outreach.reply import (
    ReplyWords,
    write_reply,
)
from listmgr.cards.outreach.reply_sender import send_reply
from listmgr.consent.models import ServiceMail, ServiceMailStatus
from listmgr.consent.request_confirmation import queue_my_data_link
from listmgr.consent.service_mail_sender import send_service_mail
from listmgr.delivery import engine
from listmgr.delivery.sender_limits import ask_of
from listmgr.delivery.transactional import post_by
from listmgr.kit.clock import now
from listmgr.kit.mail import make_post
from listmgr.kit.rate_limiter import (
    RateLimiter,
    permits_at,
)
from listmgr.lists.models import MailingList, Notice
from listmgr.operators.accounts import create_operator
from listmgr.senders.models import Sender
from listmgr.senders.transactional_route import SendVia
from listmgr.subscribers.address import parse_address
from tests.cards.corrections import kept
from tests.conftest import UnitOfWork
from tests.delivery.conftest import TEMPLATES
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
    make_pending,
)
from tests.sink import Sink, running_sink


@dataclass
class Desk:
    """Two lists and their words: the first has a sender of its own, the second has none."""

    own: Notice
    other: Notice
    relay: Sink
    sender_id: int


@pytest.fixture
def relay() -> Iterator[Sink]:
    """The server of the list's own sender; the built-in one is `sink`."""
    with running_sink() as started:
        yield started


@pytest.fixture
def desk(uow: UnitOfWork, relay: Sink) -> Desk:
    with uow() as tx:
        found, _purpose, own = make_list(tx)
        sender = Sender(
            name="Relay",
            host="127.0.0.1",
            port=relay.port,
            security="none",
            envelope="bounces@news.example.org",
            serves=["news.example.org"],
            processor="Post AG",
        )
        tx.session.add(sender)
        tx.session.flush()
        found.sender_id = sender.id
        plain, _purpose, other = make_list(tx, "plain")
        plain.sender_address = "brief@plain.example.org"
        return Desk(own, other, relay, sender.id)


@pytest.fixture
def post(settings, engine) -> SendVia:
    """As jobs have it."""
    return post_by(make_post(Flask("test")), permits_at(settings.redis_url), now=now)


@pytest.fixture
def ask(uow: UnitOfWork, post: SendVia) -> Callable[[str, Notice], ServiceMail]:
    """Somebody signs up; what became of their confirmation mail."""

    def sign_up(address: str, notice: Notice) -> ServiceMail:
        with uow() as tx:
            make_pending(tx, address, notice, now())
            service_mail_id = tx.session.scalars(sa.select(sa.func.max(ServiceMail.id))).one()
        send_service_mail(uow, post, TEMPLATES, service_mail_id, now=now)
        with uow() as tx:
            return tx.session.get_one(ServiceMail, service_mail_id)

    return sign_up


def test_confirmation_mails_leave_by_the_sender_of_their_list(desk, ask, sink):
    assert ask("anna@example.com", desk.own).status is ServiceMailStatus.SENT
    assert ask("bert@example.org", desk.other).status is ServiceMailStatus.SENT
    [anna], [bert] = desk.relay.to("anna@example.com"), sink.to("bert@example.org")
    assert len(desk.relay.mails) == len(sink.mails) == 1
    assert anna["From"] == "Müller & Töchter <brief@news.example.org>"
    assert bert["From"] == "Müller & Töchter <brief@plain.example.org>"


def test_by_the_from_address_too_and_the_key_to_ones_data_and_a_cards_reply(desk, uow, post, sink):
    with uow() as tx:
        tx.session.execute(sa.update(MailingList).values(sender_id=None))
        consent = make_confirmed(tx, "anna@example.com", desk.own, now())
        service_mail = queue_my_data_link(
            tx, [consent], parse_address("anna@example.com"), at=now()
        )
        ada = create_operator(tx, email="a@example.org", name="Ada", role="sales", at=now())
        card = kept(tx, ada.id)
        words = ReplyWords("Unser Gespräch", "Danke für das Gespräch.")
        letter = write_reply(tx, card.id, None, words, list_id=1, operator_id=ada.id, at=now())
    send_service_mail(uow, post, TEMPLATES, service_mail.id, now=now)
    send_reply(uow, post, TEMPLATES, letter.id, now=now)
    assert [to for to, _mail in desk.relay.mails] == ["anna@example.com", "zoe@example.com"]
    assert sink.mails == []
    with uow() as tx:
        assert tx.session.get_one(CardReply, letter.id).status is ReplyStatus.SENT


@pytest.mark.parametrize(
    "change",
    [{"disabled_at": sa.func.now()}, {"serves": []}, {"password": "sealed by another key"}],
)
def test_where_the_lists_sender_cannot_be_used_the_built_in_one_sends(desk, uow, ask, sink, change):
    with uow() as tx:
        tx.session.execute(sa.update(Sender).values(**change))
    assert ask("anna@example.com", desk.own).status is ServiceMailStatus.SENT
    assert [to for to, _mail in sink.mails] == ["anna@example.com"]
    assert desk.relay.mails == []


def test_one_server_that_is_away_holds_up_its_own_lists_alone(desk, uow, ask, sink):
    with uow() as tx:
        tx.session.execute(sa.update(Sender).values(port=1))
    found = ask("anna@example.com", desk.own)
    assert (found.status, found.attempts) == (ServiceMailStatus.QUEUED, 1)
    # Within the minute its other mails wait untried, and those of the other list go.
    waiting = ask("cora@example.com", desk.own)
    assert (waiting.status, waiting.attempts) == (ServiceMailStatus.QUEUED, 0)
    assert ask("bert@example.org", desk.other).status is ServiceMailStatus.SENT


def test_a_used_up_limit_stops_the_campaign_and_no_confirmation_mail(
    desk, uow, ask, settings, session
):
    with uow() as tx:
        tx.session.execute(sa.update(Sender).values(per_day=3, per_hour=3))
        for number in range(5):
            make_confirmed(tx, f"p{number}@example.org", desk.own, now() - timedelta(days=2))
    for number in range(2):
        ask(f"new{number}@example.com", desk.own)
    campaign_id = launched(uow, desk.own.purpose_id, at=now())
    told = replace(settings, lease_size=10)
    engine.send_slice(uow, told, campaign_id, "w1", now=now)
    sent = session.scalars(sa.text("SELECT count(*) FROM deliveries WHERE status = 'sent'")).one()
    # Of three, two had gone to those who signed up.
    assert sent == 1
    for number in range(2, 4):
        assert ask(f"new{number}@example.com", desk.own).status is ServiceMailStatus.SENT
    with uow() as tx:
        terms = tx.session.get_one(Sender, desk.sender_id).terms
    used = permits_at(settings.redis_url).used(ask_of(terms, terms.limit, now()))
    assert used == (5, 5)


def test_without_valkey_the_letter_goes_uncounted(desk, uow, sink):
    away = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.5)
    with uow() as tx:
        tx.session.execute(sa.update(Sender).values(per_day=3))
        make_pending(tx, "anna@example.com", desk.own, now())
    post = post_by(make_post(Flask("test")), RateLimiter(away), now=now)
    send_service_mail(uow, post, TEMPLATES, 1, now=now)
    assert [to for to, _mail in desk.relay.mails] == ["anna@example.com"]
