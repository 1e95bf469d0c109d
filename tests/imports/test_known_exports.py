"""Exports of eight other programs, in their layouts: who is meant, who is out, what is proved."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.imports.known_exports import FOREIGN
from listmgr.imports.plan import Plan
from listmgr.subscribers.field_models import Field
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression

FOLDER = Path(__file__).with_name("exports")
CITY = Field(
    key="city",
    label_de="Stadt",
    label_en="City",
    kind="text",
    purpose="Events",
    basis="consent",
    retention_months=12,
    category="ordinary",
    roles=["administrator"],
)
# Verdicts, the addresses that were taken in, and the reasons of the blocks.
EXPECTED = {
    "listmonk": ({"new": 1, "opted_out": 2}, ["anna"], ["imported", "imported"]),
    "brevo": ({"new": 2, "opted_out": 1}, ["anna", "cora"], ["imported"]),
    "cleverreach": ({"new": 2, "opted_out": 1}, ["anna", "cora"], ["imported"]),
    "rapidmail": ({"new": 2, "opted_out": 2}, ["anna", "cora"], ["bounced", "complained"]),
    "hubspot": ({"new": 1, "opted_out": 2}, ["anna"], ["bounced", "imported"]),
    "hubspot-opt-outs": ({"opted_out": 3}, [], ["bounced", "complained", "imported"]),
    "phplist": ({"new": 2, "opted_out": 1}, ["anna", "cora"], ["imported"]),
    "keila": ({"new": 1, "opted_out": 2}, ["anna"], ["bounced", "imported"]),
}
MAILCHIMP = (
    '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,'
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,{}LAST_CHANGED,LEID,EUID,NOTES,"
    "TAGS\n"
)
ROW = '{},Anna,Berg,2,,,"2026-02-03 10:05:00",{},,,,,,,,{}"2026-02-03 10:05:00",1,a1,,"""vip"""\n'


def mailchimp() -> bytes:
    """The archive an audience is exported as: one file for each station."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "subscribed_email_audience_export_1.csv",
            MAILCHIMP.format("")
            + ROW.format("anna@example.org", "192.0.2.1", "")
            + ROW.format("bert@example.org", "", ""),
        )
        archive.writestr(
            "unsubscribed_email_audience_export_1.csv",
            MAILCHIMP.format("UNSUB_TIME,")
            + ROW.format("cora@example.org", "192.0.2.3", '"2026-03-01 10:00:00",'),
        )
        archive.writestr(
            "cleaned_email_audience_export_1.csv",
            MAILCHIMP.format("CLEAN_TIME,")
            + ROW.format("dora@example.org", "192.0.2.4", '"2026-03-01 10:00:00",'),
        )
        archive.writestr(
            "nonsubscribed_email_audience_export_1.csv",
            MAILCHIMP.format("") + ROW.format("emil@example.org", "192.0.2.5", ""),
        )
    return packed.getvalue()


def local_parts(session) -> list[str]:
    found = session.scalars(sa.select(Subscriber.address_key).order_by(Subscriber.address_key))
    return [one.partition("@")[0] for one in found]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_export_is_recognised_and_its_opt_outs_become_blocks(bench, session, name):
    import_id = bench.take_in((FOLDER / f"{name}.csv").read_bytes(), f"{name}.csv")
    verdicts, people, blocks = EXPECTED[name]
    assert Plan.from_stored(bench.row(import_id).plan).foreign == name.partition("-")[0]
    assert bench.verdicts(import_id) == verdicts
    assert local_parts(session) == people
    reasons = session.scalars(sa.select(Suppression.reason).order_by(Suppression.reason))
    assert [one.value for one in reasons] == blocks


def test_mailchimp_is_an_archive_with_a_file_for_each_station(bench, session, statuses):
    import_id = bench.take_in(
        mailchimp(), "audience.zip", confirm=True, wording="Ja, den Brief.", system="Mailchimp"
    )
    assert bench.verdicts(import_id) == {"confirmed": 1, "no_evidence": 2, "opted_out": 2}
    assert statuses() == {
        "anna@example.org": "confirmed",
        "bert@example.org": "captured",
        "emil@example.org": "captured",
    }
    why = {number: reason for number, verdict, reason in bench.kept(import_id, "check") if reason}
    assert set(why.values()) == {
        "There is neither a network address nor another proof of the act.",
        "The file says that the person has not confirmed.",
    }
    assert session.scalars(sa.select(Subscriber.tags)).first() == ["vip"]


def test_every_program_has_its_file():
    named = {name.partition("-")[0] for name in EXPECTED} | {"mailchimp"}
    assert named == {one.key for one in FOREIGN}


@pytest.mark.parametrize("name", ["listmonk", "keila"])
def test_l34_of_attributes_only_what_the_catalogue_knows_is_taken(bench, uow, session, name):
    with uow() as tx:
        tx.session.merge(CITY)
    bench.take_in((FOLDER / f"{name}.csv").read_bytes(), f"{name}.csv")
    assert session.scalars(sa.select(Subscriber.attributes)).all() == [{"city": "Köln"}]


def test_rapidmails_double_opt_in_is_taken_over_as_evidence(bench, statuses):
    bench.take_in(
        (FOLDER / "rapidmail.csv").read_bytes(), confirm=True, wording="Ja", system="rapidmail"
    )
    assert statuses() == {"anna@example.org": "confirmed", "cora@example.org": "captured"}
