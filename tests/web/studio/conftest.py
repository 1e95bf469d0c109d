"""The studio over real servers: operators of every role, a sample of everything there is."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from listmgr.bulk.prepare import BulkRequest, prepare
from listmgr.campaigns import compose
from listmgr.campaigns.files import add_file
from listmgr.consent.anchor import anchor
from listmgr.delivery.launch import launch
from listmgr.exports.request import (
    ExportRequest,
    request_export,
)
from listmgr.imports import control
from listmgr.imports.models import Import
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from listmgr.lists.signup_forms import (
    FormWords,
    create_form,
)
from listmgr.operators.accounts import create_operator
from listmgr.operators.api_keys import make_key
from listmgr.operators.models import Operator, OperatorSession, Role
from listmgr.operators.sessions import start_session
from listmgr.operators.sign_in import one_time_sign_in
from listmgr.schema import resource
from listmgr.segments.edit import create as create_segment
from listmgr.segments.rules import Group, Rule
from listmgr.selections.freeze import SelectionRequest
from listmgr.selections.models import SelectionKind
from listmgr.senders.edit import (
    AccountForm,
    create_sender,
)
from listmgr.subscribers.field_catalogue import CORE_FIELDS
from tests.cards.corrections import make_cards
from tests.conftest import UnitOfWork
from tests.factories import (
    make_confirmed,
    make_field,
    make_list,
    make_pending,
)

BASE = "https://news.example.org"
ROWS = b"email,first name\nanna@example.net,Anna\n"
PASSWORD = "correct horse battery"
RELAY = AccountForm("Relay", "127.0.0.1", "1", "none", envelope="b@x.example", processor="Post AG")
FRIENDS = Group("all", (Rule("tag", "has", "friend"),))


@dataclass
class Desk:
    """One operator at a browser without scripts."""

    browser: FlaskClient
    operator: Operator | None = None

    def get(self, path: str, **more: object) -> TestResponse:
        return self.browser.get(path, base_url=BASE, **more)

    def head(self, path: str) -> TestResponse:
        return self.browser.head(path, base_url=BASE)

    def token(self, path: str = "/studio/account") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).text)
        assert found is not None
        return found[1]

    def post(self, path: str, data: dict[str, object] | None = None) -> TestResponse:
        """As a page's own form does it, with its token."""
        page = "/studio/account" if self.operator else "/studio/sign-in"
        values = {"csrf_token": self.token(page), **(data or {})}
        return self.browser.post(path, data=values, base_url=BASE)


@pytest.fixture
def anybody(app: Flask) -> Desk:
    """Somebody who has not signed in."""
    return Desk(app.test_client())


@pytest.fixture
def desk(app: Flask, uow: UnitOfWork) -> Callable[..., Desk]:
    """Make an operator and sign them in."""

    def sit_down(role: str = "administrator", language: str = "en") -> Desk:
        with uow() as tx:
            made = create_operator(
                tx,
                email=f"{role}-{language}@example.org",
                name=f"Ada {role.title()}",
                role=role,
                language=language,
                password=PASSWORD,
                at=now(),
            )
        at = Desk(app.test_client())
        answer = at.post("/studio/sign-in", {"email": made.email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        at.operator = made
        return at

    return sit_down


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk()


@pytest.fixture
def sample(uow: UnitOfWork) -> dict[str, int | str]:
    """One of each; the keys are the names links know them by."""
    rows = make_sample(uow)
    anchor(uow, at=now())
    return rows


def make_sample(uow: UnitOfWork) -> dict[str, int | str]:
    with uow() as tx:
        made, purpose, notice = make_list(tx)
        consent = make_confirmed(tx, "anna@example.com", notice, now())
        make_pending(tx, "bert@example.org", notice, now())
        form = create_form(
            tx, FormWords("Post", "Mail"), slug="mail", purpose_ids=[purpose.id], at=now()
        )
        field = make_field(tx)
        other = create_operator(tx, email="o@example.org", name="Otto", role="sales", at=now())
        start_session(tx, other, at=now())
        opened = tx.session.scalars(
            sa.select(OperatorSession).filter_by(operator_id=other.id)
        ).one()
        draft = compose.Draft("Mai", purpose.id, "Neues im Mai", body="Guten Tag!")
        campaign = compose.create(tx, draft, operator_id=None, at=now())
        file = add_file(tx, campaign.id, "preise.txt", b"Alles zwei Euro.\n")
        launch(tx, campaign.id, templates=resource("templates"), at=now())
        sender = create_sender(tx, RELAY, at=now())
        card, upload = make_cards(tx, other.id)
        key, _secret = make_key(
            tx, other.id, name="CRM", scopes=["cards:write", "cards:read"], at=now()
        )
        brought = make_import(tx, other.id)
        who = {"operator_id": other.id, "at": now()}
        segment = create_segment(tx, "Friends", FRIENDS, role=Role.ADMINISTRATOR, **who)
        everybody = SelectionRequest(SelectionKind.FOUND)
        bulk = prepare(tx, BulkRequest(kind="restrict"), everybody, role=Role.PRIVACY, **who)
        wish = ExportRequest("csv", "check", "To look at it")
        export = request_export(tx, wish, ["email"], everybody, role=Role.PRIVACY, **who)
        assert consent.subscriber_id is not None
        return {
            "list_id": made.id,
            "purpose_id": purpose.id,
            "form_id": form.id,
            "slug": form.slug,
            "field_id": field.id,
            "subscriber_id": consent.subscriber_id,
            "consent_id": consent.id,
            "operator_id": other.id,
            "session_id": opened.id,
            "campaign_id": campaign.id,
            "segment_id": segment.id,
            "file_id": file.id,
            "act_id": bulk.id,
            "export_id": export.id,
            "deed": "pause",
            "sender_id": sender.id,
            "card_id": card.id,
            "upload_id": upload.id,
            "api_key_id": key.id,
            "import_id": brought.id,
            "step": "pause",
        }


def make_import(tx: Transaction, operator_id: int) -> Import:
    """A file of one person that has still to be described."""
    return control.upload(
        tx,
        io.BytesIO(ROWS),
        "people.csv",
        fields=CORE_FIELDS,
        language="de",
        operator_id=operator_id,
        at=now(),
    )


@pytest.fixture
def sign_in_token(uow: UnitOfWork, sample: dict[str, int]) -> str:
    with uow() as tx:
        return one_time_sign_in(tx, sample["operator_id"], at=now())


ROLES = [role.value for role in Role]


@pytest.fixture
def sales(desk):
    return desk("sales")
