"""Columns that say who wants no mail, under whatever name and in whatever words."""

from __future__ import annotations

import csv
import io
import random

import pytest
import sqlalchemy as sa

from listmgr.imports.column_names import compact
from listmgr.imports.models import Phase
from listmgr.imports.plan import Plan, Target
from listmgr.imports.row_outcomes import (
    STOPS,
    Meaning,
)
from listmgr.imports.value_parsing import (
    STATUS_WORDS,
    wish,
)
from listmgr.suppression.models import Suppression
from tests.imports.test_known_exports import (
    FOLDER,
    local_parts,
)

PEOPLE = ("anna", "bert", "cora")


def blocks(session) -> list[str]:
    reasons = session.scalars(sa.select(Suppression.reason).order_by(Suppression.reason))
    return [reason.value for reason in reasons]


@pytest.mark.parametrize(
    ("column", "yes", "no", "reason"),
    [
        ("wants mail", "yes", "no", "imported"),
        ("Wants Mail", "ja", "nein", "imported"),
        ("subscribed_to_emails", "true", "false", "imported"),
        ("Accepts Marketing", "yes", "no", "imported"),
        ("Accepts Email Marketing", "TRUE", "FALSE", "imported"),
        ("newsletter", "1", "0", "imported"),
        ("Opt-In", "Y", "N", "imported"),
        ("Werbung erlaubt", "Ja", "Nein", "imported"),
        ("Email Marketing Consent", "SUBSCRIBED", "UNSUBSCRIBED", "imported"),
        ("email_disabled", "false", "true", "imported"),
        ("HasOptedOutOfEmail", "0", "1", "imported"),
        ("Do Not Email", "", "x", "imported"),
        ("Werbesperre", "", "seit 2021", "imported"),
        ("state", "active", "cancelled", "imported"),
        ("State", "active", "bounced", "bounced"),
        ("state", "active", "complained", "complained"),
        ("Abo-Status", "aktiv", "gekündigt", "imported"),
        ("subscriber_state", "active", "unsubscribed", "imported"),
        ("Zustand", "angemeldet", "abgemeldet", "imported"),
        ("irgendwas", "subscribed", "unsubscribed", "imported"),
    ],
)
def test_a_column_that_says_no_blocks_the_address(bench, session, column, yes, no, reason):
    rows = f"email,{column}\nanna@example.org,{yes}\nbert@example.org,{no}\n"
    import_id = bench.take_in(rows)
    assert bench.verdicts(import_id) == {"new": 1, "opted_out": 1}
    assert local_parts(session) == ["anna"]
    assert blocks(session) == [reason]


def test_a_state_of_a_country_is_no_station(bench):
    import_id = bench.look("email,state\nanna@example.org,CA\nbert@example.org,NY\n")
    assert Plan.from_stored(bench.row(import_id).plan).columns["state"] == ""
    assert bench.verdicts(import_id, Phase.CHECK) == {"new": 2}


def test_a_wish_that_cannot_be_read_is_refused_and_an_empty_one_is_no_consent(bench):
    rows = (
        "email,newsletter,agreed at,ip\n"
        "anna@example.org,perhaps,2026-01-02 10:00,192.0.2.1\n"
        "bert@example.org,,2026-01-02 10:00,192.0.2.1\n"
        "cora@example.org,yes,2026-01-02 10:00,192.0.2.1\n"
    )
    columns = {
        "email": "email",
        "newsletter": Target.WANTS_MAIL.value,
        "agreed at": Target.AGREED_AT.value,
        "ip": Target.IP.value,
    }
    evidence = {"confirm": True, "how": "DOI", "wording": "Ja, gern.", "system": "Alt"}
    import_id = bench.take_in(rows, columns=columns, **evidence)
    assert bench.verdicts(import_id) == {"unclear": 1, "no_evidence": 1, "confirmed": 1}


def test_a_yes_is_no_proof(bench, statuses):
    bench.take_in("email,accepts marketing\nanna@example.org,yes\n", confirm=True)
    assert statuses() == {"anna@example.org": "captured"}


def test_any_column_that_says_no_counts(bench, session):
    """Whatever the others say, and in whatever order they stand."""
    titles = ["email", "wants newsletter", "status", "unsubscribed"]
    says = {"wants newsletter": "no", "status": "unsubscribed", "unsubscribed": "yes"}
    agrees = {"wants newsletter": "yes", "status": "active", "unsubscribed": "no"}
    out = io.StringIO()
    writer = csv.DictWriter(out, titles)
    writer.writeheader()
    for number, title in enumerate(says):
        writer.writerow({"email": f"p{number}@example.org"} | agrees | {title: says[title]})
    writer.writerow({"email": "anna@example.org"} | agrees)
    import_id = bench.take_in(out.getvalue())
    assert bench.verdicts(import_id) == {"new": 1, "opted_out": 3}


@pytest.mark.parametrize("word", ["Opted-Out", "opted_out", " OPTED  OUT ", "opted out"])
def test_a_station_is_read_however_it_is_spelled(bench, word):
    import_id = bench.look(f"email,status\nanna@example.org,{word}\n")
    assert bench.verdicts(import_id, Phase.CHECK) == {"opted_out": 1}


def test_no_word_of_a_stop_is_read_as_a_yes():
    for word, meaning in STATUS_WORDS.items():
        if meaning in STOPS:
            assert wish(word) in STOPS, word
    assert wish("2024-05-06") is Meaning.SUBSCRIBED
    assert wish("vielleicht") is None


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("line", ["sep={}", '"sep={}"', "SEP={}"])
def test_excels_line_about_the_delimiter_is_no_row(bench, session, mark, encoding, line):
    rows = [line.format(mark), mark.join(("email", "vorname"))]
    rows += [mark.join((f"{name}@example.org", "Änne")) for name in PEOPLE]
    import_id = bench.take_in(("\r\n".join(rows) + "\r\n").encode(encoding))
    assert set(bench.row(import_id).plan["columns"]) == {"email", "vorname"}
    assert local_parts(session) == list(PEOPLE)


def test_excels_line_is_taken_at_its_word(bench):
    """By the cells alone, commas would fit as well."""
    rows = "sep=;\nemail;note\n" + "".join(f"{name}@example.org;a,b,c\n" for name in PEOPLE)
    import_id = bench.look(rows)
    assert set(bench.row(import_id).plan["columns"]) == {"email", "note"}


LEFT_OUT = {
    "listmonk": ({"uuid"}, {"email": "E-Mail"}),
    "brevo": ({"CONTACT ID", "SMS"}, {"EMAIL": "E-Mail-Adresse"}),
    "cleverreach": ({"company", "source"}, {"email": "E-Mail"}),
    "rapidmail": ({"created", "created_ip"}, {"email": "E-Mail-Adresse"}),
    "hubspot": ({"Record ID", "Create Date"}, {"Email": "E-mail address"}),
    "phplist": ({"Is this subscriber confirmed", "Entered"}, {"Email": "E-Mail"}),
}


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_a_program_is_recognised_with_columns_missing_and_renamed(bench, name):
    """And its opt-outs are those of the whole export."""
    gone, renamed = LEFT_OUT[name]
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        text = file.read()
    mark = ";" if ";" in text.splitlines()[0] else ","
    rows = list(csv.DictReader(io.StringIO(text), delimiter=mark))
    titles = [title for title in rows[0] if title not in gone]
    random.Random(name).shuffle(titles)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark)
    writer.writerow([renamed.get(title, title) for title in titles])
    writer.writerows([row[title] for title in titles] for row in rows)
    whole = bench.look(text, f"{name}.csv")
    part = bench.look(out.getvalue(), "people.csv")
    plan = Plan.from_stored(bench.row(part).plan)
    assert plan.foreign == ("" if name == "listmonk" else name)
    assert bench.verdicts(part, Phase.CHECK) == bench.verdicts(whole, Phase.CHECK)


def test_a_file_of_anybodys_is_no_programs(bench):
    rows = "email,first name,last name,company,status,tags\nanna@example.org,A,B,C,active,x\n"
    assert Plan.from_stored(bench.row(bench.look(rows)).plan).foreign == ""


def test_names_differ_in_nothing_but_spelling():
    assert len({compact(name) for name in ("Opt-in Date", "opt_in_date", "OptInDate")}) == 1


@pytest.mark.parametrize("local", ["ä" * 33, "x" * 65, "é" * 32 + "x"])
def test_a_local_part_of_more_than_64_octets_is_refused(bench, local):
    import_id = bench.look(f"email\n{local}@example.org\n")
    assert bench.verdicts(import_id, Phase.CHECK) == {"bad_address": 1}


def test_a_local_part_of_64_octets_is_taken(bench):
    import_id = bench.look(f"email\n{'ä' * 32}@example.org\n{'x' * 64}@example.org\n")
    assert bench.verdicts(import_id, Phase.CHECK) == {"new": 2}
