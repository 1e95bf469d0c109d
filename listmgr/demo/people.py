"""Create the demo's people: in every status of a consent, each with its ledger."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.consent.capture import begin, workflow
from listmgr.consent.ledger import LedgerChange, record_changes
from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent, ConsentSource
from listmgr.consent.request_evidence import RequestFacts
from listmgr.demo.fields import invented_values
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import Notice, Purpose
from listmgr.subscribers.address import fingerprint, parse_address
from listmgr.subscribers.models import Subscriber

PEOPLE = 3000
FORM_URL = "https://lindenhof.example/s/lindenhof"
FIRST = (
    *("Änne", "Jörg", "Zoë", "Mia", "Noah", "Élodie", "Søren", "Łukasz", "Aylin", "Ben", "Emma"),
    *("Ole", "Hülya", "Jonas", "Lina", "Mateo", "Ida", "Karl", "Ñusta", "Ronja", "Theo", "Ylva"),
)
LAST = (
    *("Müller", "Schmidt", "Öztürk", "Nowak", "Yılmaz", "Weiß", "Rossi", "Dupont", "O'Neill"),
    *("Krüger", "Lindqvist", "Fischer", "García", "Kowalski", "Schäfer", "Brandt", "Ferrari"),
)
COMPANIES = ("", "", "", "Kontor Nord GmbH", "Atelier Süd", "Harbour & Sons Ltd", "Café Flora")
# Reserved names (RFC 2606, RFC 6761): no invented person can be anybody's.
DOMAINS = ("kunden.example", "post.example", "kontor-nord.example", "mail.example", "büro.example")


@dataclass(frozen=True, slots=True)
class Fate:
    """How far one invented person went, and when."""

    consent: Consent
    asked: datetime
    luck: float

    @property
    def answered(self) -> datetime:
        """When they answered: about nine minutes later, as people do."""
        return self.asked + timedelta(minutes=9)


def invent_people(
    tx: Transaction, notices: Sequence[Mapping[str, Notice]], at: datetime, count: int = PEOPLE
) -> None:
    """Create the same invented people each time, spread over the year before `at`."""
    # Held here, since the session forgets what nobody holds and would ask for each person.
    purposes = [tx.session.get_one(Purpose, notice["de"].purpose_id) for notice in notices]
    assert len(purposes) == len(notices)
    chance = random.Random(7)  # noqa: S311 - no secret is made of it
    people = [_person(tx, number, chance) for number in range(count)]
    tx.session.add_all(people)
    tx.session.flush()
    fates = [_fate(tx, person, chance, chance.choice(notices), at) for person in people]
    tx.session.add_all([fate.consent for fate in fates])
    tx.session.flush()
    _capture(tx, fates)
    _go_on(tx, fates, at)


def _person(tx: Transaction, number: int, chance: random.Random) -> Subscriber:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    if chance.random() < 0.7:
        last = f"{last}-{chance.choice(LAST)}"
    local = f"{first}.{last}".casefold().replace("'", "").replace("ß", "ss")
    plain = local.translate(str.maketrans("äöüéøłñëıí", "aoueolneii"))
    address = parse_address(f"{plain}{number}@{chance.choice(DOMAINS)}")
    return Subscriber(
        address=address.display,
        envelope=address.envelope,
        address_key=address.key,
        domain=address.domain,
        fingerprint=fingerprint(tx.settings.suppression_key, address.key),
        language=chance.choice(["de", "de", "en"]),
        first_name=first,
        last_name=last,
        company=chance.choice(COMPANIES),
        attributes=invented_values(chance),
    )


def _fate(
    tx: Transaction,
    person: Subscriber,
    chance: random.Random,
    notices: Mapping[str, Notice],
    at: datetime,
) -> Fate:
    asked = at - timedelta(days=chance.triangular(1, 360, 60), seconds=chance.randrange(86_400))
    person.created_at = asked
    luck = chance.random()
    # Only a card can wait without having asked; who went further signed up by the form.
    source = ConsentSource.CARD if luck > 0.97 else ConsentSource.FORM
    consent = begin(tx, person.id, notices[person.language], source=source, at=asked)
    consent.expires_at = at + timedelta(days=5)
    consent.subscriber = person
    return Fate(consent, asked, luck)


def _capture(tx: Transaction, fates: Iterable[Fate]) -> None:
    copies: dict[tuple[int, ConsentSource], dict[str, object]] = {}
    acts = []
    for number, fate in enumerate(fates):
        consent = fate.consent
        key = (consent.notice_id, consent.source)
        if key not in copies:
            notice = tx.session.get_one(Notice, consent.notice_id)
            copies[key] = workflow(tx, notice, consent.source, FORM_URL)
        assert consent.subscriber is not None
        evidence = {"address_typed": consent.subscriber.address, "ip": f"192.0.2.{number % 250}"}
        acts.append(LedgerChange(consent, fate.asked, copies[key], evidence))
    record_changes(tx, acts, ConsentAction.CAPTURE, actor="subscriber")


def _go_on(tx: Transaction, fates: Sequence[Fate], at: datetime) -> None:
    """Advance each person the further, the lower their random number."""
    asked = [fate for fate in fates if fate.luck <= 0.97]
    for fate in asked:
        fate.consent.asked_at = fate.asked
    _record(tx, asked, ConsentAction.REQUEST, [fate.asked for fate in asked])
    refused = [fate for fate in asked if 0.85 < fate.luck <= 0.88]
    _record(tx, refused, ConsentAction.REFUSE, [fate.answered for fate in refused])
    agreed = [fate for fate in asked if fate.luck <= 0.85]
    _record(tx, agreed, ConsentAction.CONFIRM, [fate.answered for fate in agreed])
    left = [fate for fate in agreed if fate.luck > 0.75]
    _record(
        tx,
        left,
        ConsentAction.WITHDRAW,
        [f.answered + (at - f.answered) * (f.luck - 0.75) * 10 for f in left],
    )


# What the ledger knows of each act beside who did it and when.
_FACTS: dict[ConsentAction, dict[str, object]] = {
    ConsentAction.CONFIRM: {
        "method": Method.CONFIRM_BUTTON,
        "seconds_since_mail": 540.0,
        "suspiciously_fast": False,
    },
    ConsentAction.REFUSE: {"method": Method.NOT_ME},
    ConsentAction.WITHDRAW: {"method": Method.PAGE},
}
_BUTTONS = {
    ConsentAction.CONFIRM: Method.CONFIRM_BUTTON,
    ConsentAction.REFUSE: Method.NOT_ME,
    ConsentAction.WITHDRAW: Method.PAGE,
}


def _record(
    tx: Transaction, fates: Sequence[Fate], action: ConsentAction, times: Sequence[datetime]
) -> None:
    facts = _FACTS.get(action, {})
    request = RequestFacts("192.0.2.1", "Mozilla/5.0", _BUTTONS.get(action))
    evidence = {} if action is ConsentAction.REQUEST else request.evidence()
    acts = [
        LedgerChange(fate.consent, time, facts, evidence)
        for fate, time in zip(fates, times, strict=True)
    ]
    record_changes(tx, acts, action, actor="subscriber")


def confirmed_before(tx: Transaction, purpose_id: int, at: datetime) -> Sequence[Consent]:
    """Return the consents a campaign of that day reached: confirmed by then, and not ended
    before.
    """
    return tx.session.scalars(
        sa.select(Consent)
        .where(
            Consent.purpose_id == purpose_id,
            Consent.confirmed_at < at,
            sa.or_(Consent.ended_at.is_(None), Consent.ended_at > at),
        )
        .order_by(Consent.subscriber_id)
    ).all()
