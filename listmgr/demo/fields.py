"""The demo's custom fields with their reasons, and a segment that uses them."""

from __future__ import annotations

import random
from datetime import datetime

import sqlalchemy as sa

from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.operators.models import Operator, Role
from listmgr.segments import edit
from listmgr.segments.rules import Group, Rule
from listmgr.subscribers.custom_fields import (
    FieldWords,
    create_field,
)

CITIES = ("Berlin", "Berlin", "Berlin", "Potsdam", "Leipzig", "Hamburg", "Köln")
INTERESTS = ("Musik", "Ausstellungen", "Kurse", "Hofmarkt")
FIELDS = (
    FieldWords(
        key="city",
        label_de="Stadt",
        label_en="City",
        kind="text",
        purpose=N_("To invite to what happens in the person’s own town."),
        basis="consent",
        retention_months="24",
        category="ordinary",
    ),
    FieldWords(
        key="interest",
        label_de="Interesse",
        label_en="Interest",
        kind="choice",
        choices="\n".join(INTERESTS),
        purpose=N_("To write about what the person likes to hear of."),
        basis="consent",
        retention_months="24",
        category="ordinary",
    ),
)
NEAR_BY = Group("all", (Rule("field:city", "is", "Berlin"), Rule("field:interest", "is", "Musik")))


def invent_fields(tx: Transaction, at: datetime) -> None:
    """Create the fields and the segment of music lovers in Berlin."""
    for words in FIELDS:
        create_field(tx, words, roles=list(Role), by=Role.PRIVACY, at=at)
    marketer = tx.session.scalars(sa.select(Operator.id).where(Operator.role == Role.MARKETER))
    edit.create(
        tx,
        "Musik in Berlin",
        NEAR_BY,
        role=Role.MARKETER,
        operator_id=marketer.one(),
        at=at,
    )


def invented_values(chance: random.Random) -> dict[str, str]:
    """Return a person's values: most have a city, some interests, some nothing."""
    values = {}
    if chance.random() < 0.7:
        values["city"] = chance.choice(CITIES)
    if chance.random() < 0.5:
        values["interest"] = chance.choice(INTERESTS)
    return values
