"""Create the demo's campaigns: a year of past ones with results, one being sent, one draft."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.campaigns import compose
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.delivery.launch import launch
from listmgr.delivery.models import DeliveryStatus, partition_name
from listmgr.delivery.smtp.providers import OTHERS
from listmgr.delivery.sweep import enqueue_campaign
from listmgr.demo.people import confirmed_before
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import Notice
from listmgr.schema import resource
from listmgr.segments.models import Segment
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress

SUMMER = """# Der Sommer im Lindenhof

Guten Tag {{ first_name | default("und willkommen") }},

ab Juni wird es hell bei uns: **zwölf Konzerte**, drei Ausstellungen und der Hofmarkt.

- Freitags um acht: Musik unter der Linde
- Sonntags um elf: Führung durch die Werkstätten
- Jeden ersten Samstag: Hofmarkt

[Zum ganzen Programm](https://lindenhof.example/programm)

Herzlich, Ihr Lindenhof
"""
NEWS = """# {title}

{{{{ first_name | default("Liebe Freundin, lieber Freund") }}}},

drei Dinge aus dem Lindenhof: die neue Ausstellung ist gehängt, die Werkstätten haben wieder
Plätze frei, und im Hof steht jetzt die lange Bank, um die so viele gebeten haben.

[Alles Weitere](https://lindenhof.example/neues)
"""
AUTUMN = """# Der Herbst im Lindenhof

Guten Tag {{ first_name | default("und willkommen") }},

wenn es draußen früh dunkel wird, spielen wir drinnen: **sechs Abende im Oktober**, und für alle aus
{{ city | default("der Nachbarschaft") }} ist der erste davon frei.

[Zu den Konzerten](https://lindenhof.example/programm)

Herzlich, Ihr Lindenhof
"""
# How many days ago, and what it was called; each goes to one of the lists in turn.
PAST = (
    (300, "Neujahr im Lindenhof"),
    (240, "Workshops this spring"),
    (180, "Neue Kurse ab März"),
    (120, "Der Hofmarkt ist wieder da"),
    (75, "What is on in autumn"),
    (40, "Werkstattfest"),
    (12, "Lange Nacht der Höfe"),
)
# Of a hundred mails: what else than "taken" became of them.
FAILURES = {
    99: (DeliveryStatus.FAILED, "5.1.1", "550 5.1.1 no such mailbox"),
    98: (DeliveryStatus.FAILED, "5.2.2", "552 5.2.2 mailbox full"),
    97: (DeliveryStatus.UNCERTAIN, "", "the worker ended before the answer"),
}


def invent_campaigns(
    tx: Transaction, notices: Sequence[Mapping[str, Notice]], at: datetime
) -> None:
    """Create past campaigns, one that is sent to the mailbox at once, and a draft."""
    chance = random.Random(11)  # noqa: S311 - no secret is made of it
    for number, (days, name) in enumerate(PAST):
        purpose_id = notices[number % len(notices)]["de"].purpose_id
        _past(tx, name, purpose_id, at - timedelta(days=days), chance)
    purpose_id = notices[0]["de"].purpose_id
    sent = compose.Draft("Sommer", purpose_id, "Der Sommer im Lindenhof", body=SUMMER)
    campaign = compose.create(tx, sent, operator_id=None, at=at)
    launch(tx, campaign.id, templates=resource("templates"), at=at)
    enqueue_campaign(tx, campaign.id)
    draft = compose.Draft(
        "Herbst",
        purpose_id,
        "{{ first_name }}, der Herbst kommt",
        body=AUTUMN,
        audience_segment_id=tx.session.scalars(sa.select(Segment.id)).one(),
    )
    compose.create(tx, draft, operator_id=None, at=at)


def _past(
    tx: Transaction, name: str, purpose_id: int, day: datetime, chance: random.Random
) -> None:
    draft = compose.Draft(name, purpose_id, name, body=NEWS.format(title=name))
    campaign = compose.create(tx, draft, operator_id=None, at=day - timedelta(days=2))
    launch(tx, campaign.id, templates=resource("templates"), at=day)
    results = [
        _result(consent.id, consent.subscriber_id or 0, day, chance)
        for consent in confirmed_before(tx, purpose_id, day)
    ]
    _write(tx, campaign, results, day)
    gone = [result.subscriber_id for result in results if result.failure_code == "5.1.1"]
    fingerprints = tx.session.scalars(
        sa.text("SELECT fingerprint FROM subscribers WHERE id = ANY(:ids)"), {"ids": gone}
    )
    for fingerprint in fingerprints.all():
        suppress(tx, fingerprint, SuppressionReason.BOUNCED, at=day)


@dataclass(frozen=True, slots=True)
class _Result:
    consent_id: int
    subscriber_id: int
    status: DeliveryStatus
    at: datetime
    reply: str
    failure_code: str | None = None


def _result(consent_id: int, subscriber_id: int, day: datetime, chance: random.Random) -> _Result:
    at = day + timedelta(seconds=chance.randrange(90))
    failure = FAILURES.get(chance.randrange(100))
    if failure is None:
        return _Result(consent_id, subscriber_id, DeliveryStatus.SENT, at, "250 2.0.0 OK")
    status, code, reply = failure
    return _Result(consent_id, subscriber_id, status, at, reply, code)


def _write(tx: Transaction, campaign: Campaign, results: Sequence[_Result], day: datetime) -> None:
    """Write a campaign as the engine would have left it: a row for each mail, and the leases'
    counters.
    """
    rows = [
        {
            "campaign": campaign.id,
            "subscriber": result.subscriber_id,
            "consent": result.consent_id,
            "status": result.status.value,
            "at": result.at,
            "reply": result.reply,
            "failure": None if result.failure_code is None else result.status.value,
            "failure_code": result.failure_code,
            "failure_scope": None if result.failure_code is None else "",
        }
        for result in results
    ]
    if rows:
        tx.session.execute(
            sa.text(
                f"INSERT INTO {partition_name(campaign.id)} (campaign_id, subscriber_id,"
                " consent_id, status, begun_at, ended_at, reply, failure, failure_code,"
                " failure_scope) VALUES (:campaign,"
                " :subscriber, :consent, :status, :at, :at, :reply, :failure,"
                " :failure_code, :failure_scope)"
            ),
            rows,
        )
    tx.session.execute(
        sa.text(
            "UPDATE campaign_leases l SET state = 'done', position = hi, audience = d.audience,"
            " sent = d.sent, failed = d.failed, uncertain = d.uncertain,"
            " providers = jsonb_build_object("
            f"  'sent {OTHERS}', d.sent, 'failed {OTHERS}', d.failed)"
            " FROM (SELECT x.lo, count(r.status) AS audience,"
            "   count(*) FILTER (WHERE r.status = 'sent') AS sent,"
            "   count(*) FILTER (WHERE r.status = 'failed') AS failed,"
            "   count(*) FILTER (WHERE r.status = 'uncertain') AS uncertain"
            f"  FROM campaign_leases x LEFT JOIN {partition_name(campaign.id)} r"
            "   ON r.subscriber_id >= x.lo AND r.subscriber_id < x.hi"
            "  WHERE x.campaign_id = :campaign GROUP BY x.lo) d"
            " WHERE l.campaign_id = :campaign AND l.lo = d.lo"
        ),
        {"campaign": campaign.id},
    )
    campaign.status = CampaignStatus.FINISHED
    campaign.finished_at = day + timedelta(seconds=95)
