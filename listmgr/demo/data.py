"""Load an invented organisation: lists, notices, forms, people in every status, campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import load_settings
from listmgr.demo.campaigns import invent_campaigns
from listmgr.demo.cards import invent_cards
from listmgr.demo.fields import invent_fields
from listmgr.demo.people import invent_people
from listmgr.kit.clock import now
from listmgr.kit.queue import enqueue
from listmgr.kit.transaction import Transaction, transaction
from listmgr.lists.edit import (
    Description,
    create_list,
)
from listmgr.lists.form_fields import Ask
from listmgr.lists.models import MailingList, Notice
from listmgr.lists.purposes import (
    add_purpose,
    publish_notice,
)
from listmgr.lists.signup_forms import (
    FormWords,
    create_form,
)
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Operator, Role
from listmgr.operators.sign_in import one_time_sign_in

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
TEAM = (
    ("Aylin Sommer", "aylin", Role.ADMINISTRATOR, "de"),
    ("Ben Carter", "ben", Role.MARKETER, "en"),
    ("Clara Weiß", "clara", Role.PRIVACY, "de"),
    ("Deniz Kaya", "deniz", Role.SERVICE, "de"),
    ("Emma Groß", "emma", Role.AUDITOR, "de"),
    ("Finn Lorenz", "finn", Role.SALES, "de"),
    ("Gülay Aydın", "guelay", Role.HEAD_OF_SALES, "de"),
)


def load_demo(env: Mapping[str, str]) -> str:
    """Load the demo unless the database has data; return a one-time link to the studio."""
    settings = load_settings(env)
    engine = sa.create_engine(settings.database_url)
    connection = redis.Redis.from_url(settings.redis_url)
    try:
        with transaction(
            lambda: Session(engine, expire_on_commit=False),
            settings,
            lambda jobs: enqueue(connection, jobs),
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
    invent_fields(tx, at - timedelta(days=400))
    notices = [_list(tx, *words, at=at - timedelta(days=400)) for words in LISTS]
    create_form(
        tx,
        FormWords("Post vom Lindenhof", "Mail from Lindenhof"),
        slug="lindenhof",
        purpose_ids=[notice["de"].purpose_id for notice in notices],
        asks=[Ask(name) for name in ("first_name", "last_name", "city", "interest")],
        at=at,
    )
    invent_people(tx, notices, at)
    invent_campaigns(tx, notices, at)
    invent_cards(tx, notices[0]["de"], at)


def _list(
    tx: Transaction, slug: str, name: str, language: str, de: str, en: str, *, at: datetime
) -> dict[str, Notice]:
    mailing_list = create_list(
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
    purpose = add_purpose(tx, mailing_list.id, slug="brief", name_de=de, name_en=en)
    words = {
        code: text.format(list=name, purpose=de if code == "de" else en)
        for code, text in WORDS.items()
    }
    published = publish_notice(tx, purpose.id, words=words, privacy_version="2026-01", at=at)
    return {notice.language: notice for notice in published}
