"""What the ledger keeps in its own words is read in the operator's; others' words stay theirs."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.confirm import confirm
from listmgr.consent.methods import Method
from listmgr.consent.models import ServiceMail
from listmgr.consent.refuse import refuse
from listmgr.consent.request_evidence import RequestFacts
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash
from listmgr.operators.models import AuditEntry
from listmgr.web.language import speak
from listmgr.web.studio.subscribers.evidence_values import fact_value

# What the ledger, its evidence and the audit log hold of each act: never shown as it stands there.
KEPT = ("unticked", "True", "False", "None", *Method)


def facts_on(page: str) -> dict[str, list[str]]:
    """Every name of a fact on a page, with the values that stand beside it."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"<dt>([^<]+)</dt><dd class=\"lines breaks\">([^<]*)</dd>", page):
        found.setdefault(html.unescape(name), []).append(html.unescape(value))
    return found


@pytest.mark.parametrize("answer", [confirm, refuse])
def test_a_german_operator_reads_german_values(desk, uow, settings, sample, session, answer):
    button = {confirm: Method.CONFIRM_BUTTON, refuse: Method.NOT_ME}[answer]
    with uow() as tx:
        service_mail = tx.session.scalars(sa.select(ServiceMail)).all()[-1]
        token = make_token(settings.secret_keys, TokenPurpose.CONFIRM, service_mail.id)
        service_mail.token_hash, service_mail.sent_at = (
            token_hash(token),
            now() - timedelta(hours=1),
        )
    with uow() as tx:
        answer(tx, token, facts=RequestFacts("192.0.2.7", "Browser", button, "de"), at=now())
    at = desk("service", "de")
    person = session.scalars(
        sa.text("SELECT max(id) FROM subscribers WHERE address LIKE 'bert%'")
    ).one()
    page = at.get(f"/studio/subscribers/{person}").text
    told = facts_on(page)
    assert told["Kästchen davor"] == ["nicht angekreuzt"]
    assert told["Herkunft"] == ["Anmeldeformular"]
    if answer is confirm:
        assert told["Handlung"] == ["über den Knopf auf der Bestätigungsseite"] * 2
        assert told["auffällig schnell"] == ["nein"]
    else:
        assert told["Handlung"] == ["„Das war ich nicht“"] * 2
    shown = {value for values in told.values() for value in values}
    assert shown.isdisjoint(KEPT)
    # What is stored has not changed by being read.
    kept = " ".join(session.scalars(sa.text("SELECT facts FROM consent_events")))
    assert '"box_before":"unticked"' in kept


def test_what_staff_wrote_down_names_the_way_and_who_did_it(desk, sample, session):
    at, person = desk("service", "de"), f"/studio/subscribers/{sample['subscriber_id']}"
    at.post(f"{person}/consents/{sample['consent_id']}/withdraw", {"how": "phone"})
    assert facts_on(at.get(person).text)["Handlung"] == ["am Telefon"] * 2
    assert session.scalars(sa.select(AuditEntry.details)).all()[-2] == {"method": "phone"}
    audit = desk("auditor", "de").get("/studio/audit").text
    assert "Handlung: am Telefon" in audit
    assert "method: phone" not in audit


@pytest.mark.parametrize(
    ("value", "key", "shown"),
    [
        (True, "", "ja"),
        (None, "", ""),
        (1234.56, "seconds_since_mail", "1.234,6"),
        ("2026-05-31T10:00:00+00:00", "received_at", "31.05.2026 12:00"),
        ("31 May", "agreed_at", "31 May"),
        (["first_name", "city"], "fields", "Vorname, city"),
        ([{"operator": 3, "occasion": "Messe", "said": ""}], "", "Zugang: 3 · Anlass: Messe"),
        ("letter, written down by staff for many at once", "method", "per Brief, vom Personal"),
        ("moving", "kind", "Hinweis an das alte Postfach"),
        ("one-click", "how", "mit dem Knopf des Mailprogramms"),
        ("staff_bulk", "recorded_by", "vom Personal, für viele"),
        # What somebody wrote is theirs, even where it is a word of ours.
        ("page", "statement", "page"),
    ],
)
def test_every_kind_of_value_in_german(app, value, key, shown):
    with app.test_request_context("/?lang=de"):
        speak("de")
        said = fact_value(value, key)
    assert said.startswith(shown)
    assert bool(said) is bool(shown)


def test_a_proof_that_does_not_hold_says_why_in_german(desk, sample, superuser):
    with superuser.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        changed = sa.text("UPDATE consent_events SET actor = 'x' WHERE consent_id = :consent_id")
        connection.execute(changed, sample)
    page = desk("privacy", "de").get(f"/studio/subscribers/consents/{sample['consent_id']}/proof")
    assert "Die Kette reißt bei Ereignis 1." in page.text
