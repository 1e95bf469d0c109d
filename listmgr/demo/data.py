"""Loads an invented organisation: lists, notices, forms, people in every station, campaigns."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.config import load_settings
from listmgr.consent.capture import capture
from listmgr.consent.facts import RequestFacts
from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.models import Consent, ConsentSource
from listmgr.consent.signup import SignupContent, find_or_add
from listmgr.consent.withdraw import withdraw
from listmgr.delivery.launch import launch
from listmgr.delivery.sweep import ring_campaign
from listmgr.kit.clock import now
from listmgr.kit.queue import ring
from listmgr.kit.transaction import Transaction, transaction
from listmgr.lists.describe import Description, create_list
from listmgr.lists.forms import FormWords, create_form
from listmgr.lists.models import MailingList, Notice
from listmgr.lists.publish import add_purpose, publish_notice
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Operator, Role
from listmgr.operators.sign_in import one_time_sign_in
from listmgr.schema import resource
from listmgr.subscribers.address import parse_address

PEOPLE = 1200
IMPRINT = (
    "Lindenhof Kulturwerk e. V.\nAm Lindenhof 7, 10115 Berlin\n"
    "Vertreten durch Aylin Sommer\npost@lindenhof.example"
)
LISTS = (
    ("lindenbrief", "Lindenbrief", "de", "Rundbrief", "Newsletter"),
    ("programme", "Lindenhof Programme", "en", "Programm", "Programme"),
    ("werkstatt", "Werkstattpost", "de", "Kurse", "Workshops"),
)
WORDS = {
    "de": "Ja, ich möchte „{list}“ ({purpose}) vom Lindenhof Kulturwerk e. V. per E-Mail"
    " erhalten. Das kann ich jederzeit mit einem Klick widerrufen.",
    "en": "Yes, I want “{list}” ({purpose}) from Lindenhof Kulturwerk e. V. by e-mail."
    " I can withdraw this at any time with one click.",
}
FIRST = ("Änne", "Jörg", "Zoë", "Mia", "Noah", "Élodie", "Søren", "Łukasz", "Aylin", "Ben", "Emma")
LAST = ("Müller", "Schmidt", "Öztürk", "Nowak", "Yılmaz", "Weiß", "Rossi", "Dupont", "O'Neill")
TEAM = (
    ("Aylin Sommer", "aylin", Role.ADMINISTRATOR, "de"),
    ("Ben Carter", "ben", Role.MARKETER, "en"),
    ("Clara Weiß", "clara", Role.PRIVACY, "de"),
    ("Deniz Kaya", "deniz", Role.SERVICE, "de"),
    ("Emma Groß", "emma", Role.AUDITOR, "de"),
)
BODY = """# Der Sommer im Lindenhof

Guten Tag {{ first_name | default("und willkommen") }},

ab Juni wird es hell bei uns: **zwölf Konzerte**, drei Ausstellungen und der Hofmarkt.

- Freitags um acht: Musik unter der Linde
- Sonntags um elf: Führung durch die Werkstätten
- Jeden ersten Samstag: Hofmarkt

[Zum ganzen Programm](https://lindenhof.example/programm)

Herzlich, Ihr Lindenhof
"""


def load_demo(env: Mapping[str, str]) -> str:
    """Load the demo unless there is data already; returns a one-time link into the studio."""
    settings = load_settings(env)
    engine = sa.create_engine(settings.database_url)
    connection = redis.Redis.from_url(settings.redis_url)
    try:
        with transaction(
            lambda: Session(engine, expire_on_commit=False),
            settings,
            lambda jobs: ring(connection, jobs),
        ) as tx:
            if tx.session.scalar(sa.select(MailingList.id).limit(1)) is None:
                _load(tx, now())
            first = tx.session.scalars(sa.select(Operator).order_by(Operator.id).limit(1)).one()
            token = one_time_sign_in(tx, first.id, at=now())
    finally:
        engine.dispose()
    return settings.link(f"studio/sign-in/{token}")


def _load(tx: Transaction, at: datetime) -> None:
    for name, local, role, language in TEAM:
        create_operator(
            tx, email=f"{local}@lindenhof.example", name=name, role=role, language=language, at=at
        )
    notices = [_list(tx, *told, at=at - timedelta(days=400)) for told in LISTS]
    create_form(
        tx,
        FormWords("Post vom Lindenhof", "Mail from Lindenhof", asks_name=True),
        slug="lindenhof",
        purpose_ids=[found["de"].purpose_id for found in notices],
        at=at,
    )
    chance = random.Random(7)  # noqa: S311 - the same invented people each time
    for number in range(PEOPLE):
        _person(tx, number, chance, chance.choice(notices), at)
    _campaigns(tx, notices[0]["de"], at)


def _list(
    tx: Transaction, slug: str, name: str, language: str, de: str, en: str, *, at: datetime
) -> dict[str, Notice]:
    made = create_list(
        tx,
        Description(
            name=name,
            language=language,
            sender_name="Lindenhof Kulturwerk",
            sender_address="post@lindenhof.example",
            controller="Lindenhof Kulturwerk e. V.",
            imprint=IMPRINT,
            privacy_url="https://lindenhof.example/datenschutz",
        ),
        slug=slug,
        at=at,
    )
    purpose = add_purpose(tx, made.id, slug="brief", name_de=de, name_en=en)
    words = {
        code: text.format(list=name, purpose=de if code == "de" else en)
        for code, text in WORDS.items()
    }
    published = publish_notice(tx, purpose.id, words=words, privacy_version="2026-01", at=at)
    return {notice.language: notice for notice in published}


def _person(
    tx: Transaction, number: int, chance: random.Random, notices: dict[str, Notice], at: datetime
) -> None:
    """One invented person, somewhere in a consent's life."""
    language = chance.choice(["de", "de", "en"])
    first, last = chance.choice(FIRST), chance.choice(LAST)
    address = f"person{number}@kunden.example"
    asked = at - timedelta(days=chance.triangular(1, 360, 60), seconds=chance.randrange(86_400))
    content = SignupContent(address, (), language, "demo", first_name=first, last_name=last)
    subscriber = find_or_add(tx, parse_address(address), content, at=asked)
    consent = capture(
        tx,
        subscriber,
        notices[language],
        source=chance.choice([ConsentSource.FORM] * 5 + [ConsentSource.CARD]),
        at=asked,
        actor="subscriber",
        form_url="https://lindenhof.example/s/lindenhof",
        evidence={"address_typed": address, "ip": f"192.0.2.{number % 250}"},
    )
    _go_on(tx, consent, chance.random(), asked, at)


def _go_on(tx: Transaction, consent: Consent, luck: float, asked: datetime, at: datetime) -> None:
    if luck > 0.97:
        return
    later = asked + timedelta(minutes=9)
    consent.asked_at = asked
    consent.expires_at = at + timedelta(days=5)
    record(tx, consent, ConsentAction.ASK, at=asked, actor="subscriber")
    if luck > 0.88:
        return
    facts = RequestFacts("192.0.2.1", "Mozilla/5.0", "confirm button", consent.language)
    if luck > 0.85:
        record(
            tx,
            consent,
            ConsentAction.REFUSE,
            at=later,
            actor="subscriber",
            evidence=facts.evidence(),
        )
        return
    told = {"method": "post button", "seconds_since_mail": 540.0, "suspiciously_fast": False}
    record(
        tx,
        consent,
        ConsentAction.CONFIRM,
        at=later,
        actor="subscriber",
        facts=told,
        evidence=facts.evidence(),
    )
    if luck > 0.75:
        ended = later + (at - later) / 2
        withdraw(tx, consent.id, how="page", actor="subscriber", facts=facts, at=ended)


def _campaigns(tx: Transaction, notice: Notice, at: datetime) -> None:
    """One campaign that goes out to the mailbox at once, and one draft."""
    sent = compose.Draft("Sommer", notice.purpose_id, "Der Sommer im Lindenhof", body=BODY)
    campaign = compose.create(tx, sent, operator_id=None, at=at)
    launch(tx, campaign.id, templates=resource("templates"), at=at)
    ring_campaign(tx, campaign.id)
    draft = compose.Draft(
        "Herbst", notice.purpose_id, "{{ first_name }}, der Herbst kommt", body=BODY
    )
    compose.create(tx, draft, operator_id=None, at=at)
