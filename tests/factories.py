"""Makes lists, notices, subscribers and consents the way the product does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

from listmgr.campaigns import compose
from listmgr.consent.capture import capture
from listmgr.consent.ledger import lock_consent, record
from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.models import Consent, ConsentSource
from listmgr.consent.request_confirmation import request_confirmation
from listmgr.consent.signup import SignupContent, find_or_add
from listmgr.delivery.launch import launch
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Notice, Purpose
from listmgr.operators.models import Role
from listmgr.schema import resource
from listmgr.subscribers.address import parse_address
from listmgr.subscribers.custom_fields import (
    FieldWords,
    create_field,
)
from listmgr.subscribers.field_models import Field
from listmgr.subscribers.models import Subscriber

UnitOfWork = Callable[[], AbstractContextManager[Transaction]]


def make_list(tx: Transaction, slug: str = "news") -> tuple[MailingList, Purpose, Notice]:
    """A list with one purpose and a first German notice."""
    made = MailingList(
        slug=slug,
        name=f"{slug.title()} Brief",
        sender_name="Müller & Töchter",
        sender_address="brief@news.example.org",
        controller="Müller & Töchter GmbH",
        imprint="Müller & Töchter GmbH, Hauptstraße 12, 10115 Berlin",
        privacy_url="https://news.example.org/privacy",
    )
    tx.session.add(made)
    tx.session.flush()
    purpose = Purpose(list_id=made.id, slug="letter", name_de="Rundbrief", name_en="Newsletter")
    tx.session.add(purpose)
    tx.session.flush()
    words = "Ja, ich möchte den Rundbrief per E-Mail. Ich kann jederzeit widerrufen."
    notice = Notice(
        purpose_id=purpose.id,
        version=1,
        language="de",
        words=words,
        sha256=hashlib.sha256(words.encode()).digest(),
        privacy_version="2026-01",
    )
    tx.session.add(notice)
    tx.session.flush()
    return made, purpose, notice


def make_subscriber(tx: Transaction, address: str, at: datetime) -> Subscriber:
    """A subscriber with nothing agreed to."""
    content = SignupContent(address, (), "de", "https://news.example.org/s/x", first_name="Änne")
    return find_or_add(tx, parse_address(address), content, at=at)


def make_pending(tx: Transaction, address: str, notice: Notice, at: datetime) -> Consent:
    """A consent that waits for the click."""
    subscriber = make_subscriber(tx, address, at)
    consent = capture(
        tx,
        subscriber,
        notice,
        source=ConsentSource.FORM,
        at=at,
        actor="subscriber",
        form_url="https://news.example.org/s/x",
        evidence={"address_typed": address, "ip": "192.0.2.7"},
    )
    request_confirmation(tx, [consent], parse_address(address), at=at, actor="subscriber")
    return consent


def make_confirmed(tx: Transaction, address: str, notice: Notice, at: datetime) -> Consent:
    """A consent given from the mailbox."""
    consent = lock_consent(tx, make_pending(tx, address, notice, at).id)
    record(tx, consent, ConsentAction.CONFIRM, at=at, actor="subscriber", evidence={"ip": "::1"})
    return consent


FIELD = FieldWords(
    key="city",
    label_de="Ort",
    label_en="Town",
    kind="text",
    purpose="To invite to what happens near by.",
    basis="consent",
    retention_months="24",
    category="ordinary",
)


def make_field(tx: Transaction, *, roles: Collection[str] = tuple(Role), **more: str) -> Field:
    """A custom field of the catalogue: "city", unless told otherwise."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return create_field(tx, replace(FIELD, **more), roles=roles, by=Role.ADMINISTRATOR, at=at)


def launched(uow: UnitOfWork, purpose_id: int, *, at: datetime, body: str = "Guten Tag!") -> int:
    """A campaign to everybody who agreed to the purpose, launched."""
    with uow() as tx:
        draft = compose.Draft("Mai", purpose_id, "Neues im Mai", body=body)
        campaign = compose.create(tx, draft, operator_id=None, at=at)
        launch(tx, campaign.id, templates=resource("templates"), at=at)
        return campaign.id
