"""Whatever people, staff and time do in whatever order: mail goes to exactly those who agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.config import Settings
from listmgr.consent.anchor import broken_chains
from listmgr.consent.capture import capture
from listmgr.consent.confirm import confirm
from listmgr.consent.expire import expire_due
from listmgr.consent.lifecycle import OPEN
from listmgr.consent.models import Consent, ConsentSource, ServiceMail, ServiceMailKind
from listmgr.consent.refuse import refuse
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.signup import SignupContent, process_signup, receive
from listmgr.consent.withdraw import withdraw
from listmgr.delivery.engine import send_slice
from listmgr.delivery.launch import launch
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash
from listmgr.kit.transaction import transaction
from listmgr.lists.models import Notice
from listmgr.schema import resource
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.conftest import empty
from tests.factories import (
    make_list,
    make_subscriber,
)
from tests.sink import Sink, running_sink

PEOPLE = ("anna@example.org", "Bert@Example.org", "jörg@exämple.org")
ON_THE_WIRE = {
    "jörg@exämple.org": "jörg@xn--exmple-cua.org",
    "Bert@Example.org": "Bert@example.org",
}
FACTS = RequestFacts(method="button")
person = st.sampled_from(PEOPLE)


@dataclass
class Known:
    """What one person has said, told in the words of the law and without the product."""

    life: int = 0
    status: str = "none"
    blocked: bool = False
    restricted: bool = False

    @property
    def may_be_mailed(self) -> bool:
        return self.status == "confirmed" and not self.blocked and not self.restricted


class Lives(RuleBasedStateMachine):
    """Three people, one purpose."""

    engine: sa.Engine
    superuser: sa.Engine
    config: Settings
    sink: Sink

    def __init__(self) -> None:
        super().__init__()
        empty(self.superuser)
        self.at = now()
        self.known = {address: Known() for address in PEOPLE}
        # Every link ever mailed, with whom and which life of theirs it was for.
        self.links: list[tuple[str, str, int]] = []
        self.notice: Notice = self.act(lambda tx: make_list(tx)[2])
        self.act(
            lambda tx: tx.session.execute(
                sa.text("INSERT INTO signup_forms (slug, title_de, title_en) VALUES ('x','x','x')")
            )
        )

    def act(self, work: Callable):
        self.at += timedelta(seconds=1)
        with transaction(
            lambda: Session(self.engine, expire_on_commit=False), self.config, lambda _jobs: None
        ) as tx:
            return work(tx)

    def found(self, tx, address: str) -> Subscriber | None:
        key = make_subscriber(tx, address, self.at)
        return tx.session.get(Subscriber, key.id)

    @rule(address=person)
    def signs_up(self, address: str):
        content = SignupContent(address, (self.notice.id,), "de", "https://news.example.org/s/x")
        self.act(lambda tx: receive(tx, form_id=1, content=content, at=self.at))
        self.act(
            lambda tx: [
                process_signup(tx, number, at=self.at)
                for number in tx.session.scalars(sa.text("SELECT id FROM signups")).all()
            ]
        )
        told = self.known[address]
        if told.restricted or told.status == "confirmed":
            return
        if told.status in {"none", "ended"}:
            told.life += 1
        told.status = "pending"
        self.links += [(token, address, told.life) for token in self.act(self._mail)]

    def _mail(self, tx) -> list[str]:
        """What sending the question does, and the links it carries."""
        waiting = tx.session.scalars(
            sa.select(ServiceMail).where(
                ServiceMail.token_hash.is_(None),
                ServiceMail.kind == ServiceMailKind.CONFIRM_SUBSCRIPTION,
            )
        ).all()
        tokens = []
        for service_mail in waiting:
            token = make_token(self.config.secret_keys, TokenPurpose.CONFIRM, service_mail.id)
            service_mail.token_hash, service_mail.sent_at = token_hash(token), self.at
            tokens.append(token)
        return tokens

    @rule(data=st.data())
    def clicks_some_old_or_new_link(self, data):
        if not self.links:
            return
        token, address, life = data.draw(st.sampled_from(self.links))
        self.act(lambda tx: confirm(tx, token, facts=FACTS, at=self.at))
        told = self.known[address]
        if told.life == life and told.status == "pending":
            told.status, told.blocked = "confirmed", False

    @rule(data=st.data())
    def says_this_was_not_me(self, data):
        if not self.links:
            return
        token, address, life = data.draw(st.sampled_from(self.links))
        self.act(lambda tx: refuse(tx, token, facts=FACTS, at=self.at))
        told = self.known[address]
        if told.life == life and told.status in {"pending", "confirmed"}:
            told.status = "ended"

    @rule(address=person)
    def withdraws(self, address: str):
        def work(tx):
            someone = self.found(tx, address)
            query = sa.select(Consent.id).where(
                Consent.subscriber_id == someone.id, Consent.status.in_(OPEN)
            )
            for number in tx.session.scalars(query).all():
                withdraw(tx, number, method="letter", actor="operator:1", facts=FACTS, at=self.at)

        self.act(work)
        if self.known[address].status != "none":
            self.known[address].status = "ended"

    @rule(address=person)
    def staff_import_the_address_without_proof(self, address: str):
        self.act(
            lambda tx: capture(
                tx,
                self.found(tx, address),
                tx.session.get_one(Notice, self.notice.id),
                source=ConsentSource.IMPORT,
                at=self.at,
                actor="operator:1",
            )
        )
        told = self.known[address]
        if told.status in {"none", "ended"}:
            told.life, told.status = told.life + 1, "captured"

    @rule(address=person)
    def objects_to_everything(self, address: str):
        def work(tx):
            suppress(
                tx, self.found(tx, address).fingerprint, SuppressionReason.OBJECTED, at=self.at
            )

        self.act(work)
        self.known[address].blocked = True

    @rule(address=person, restricted=st.booleans())
    def asks_for_restriction(self, address: str, restricted: bool):
        def work(tx):
            self.found(tx, address).restricted_at = self.at if restricted else None

        self.act(work)
        self.known[address].restricted = restricted

    @rule()
    def eight_days_pass(self):
        self.at += timedelta(days=8)
        self.act(lambda tx: expire_due(tx, at=self.at))
        rows = self.act(
            lambda tx: set(
                tx.session.scalars(
                    sa.select(Subscriber.address_key)
                    .join(Consent, Consent.subscriber_id == Subscriber.id)
                    .where(Consent.status.in_(OPEN))
                )
            )
        )
        everybody = self.act(lambda tx: set(tx.session.scalars(sa.select(Subscriber.address_key))))
        for address, told in self.known.items():
            key = {"jörg@exämple.org": "jörg@xn--exmple-cua.org"}.get(address, address.lower())
            if told.status == "pending":
                told.status = "ended"
            if told.status == "captured" and key not in rows:
                told.status = "ended"
            if key not in everybody:
                # Nothing is kept of who never answered, the restriction of the record neither.
                told.restricted = False

    @rule()
    def a_campaign_goes_out(self):
        draft = compose.Draft("x", self.notice.purpose_id, "x", body="x")
        number = self.act(lambda tx: compose.create(tx, draft, operator_id=None, at=self.at).id)
        expected = sorted(a for a, told in self.known.items() if told.may_be_mailed)
        self.sink.mails.clear()
        try:
            self.act(lambda tx: launch(tx, number, templates=resource("templates"), at=self.at))
        except InvalidInput:
            assert expected == []
            return
        send_slice(
            lambda: transaction(
                lambda: Session(self.engine, expire_on_commit=False), self.config, lambda _: None
            ),
            self.config,
            number,
            "worker",
            now=now,
        )
        got = sorted(to for to, _ in self.sink.mails)
        wire = {
            "jörg@exämple.org": "jörg@xn--exmple-cua.org",
            "Bert@Example.org": "Bert@example.org",
        }
        assert got == sorted(wire.get(address, address) for address in expected)

    @invariant()
    def the_ledger_is_whole(self):
        assert self.act(lambda tx: broken_chains(tx)) == []


@pytest.mark.timeout(280)
def test_no_order_of_acts_mails_anybody_without_a_current_consent(
    engine: sa.Engine, superuser: sa.Engine, settings: Settings
):
    with running_sink() as sink:
        Lives.engine, Lives.superuser, Lives.sink = engine, superuser, sink
        Lives.config = replace(
            settings, mail=sink.account, mailbox_per_day=99, mailbox_per_month=999
        )
        run_state_machine_as_test(Lives, settings=STEPS)


STEPS = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
