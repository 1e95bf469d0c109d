"""Which line is what: reading order, roles, and letters put right by what they agree with."""

from __future__ import annotations

import pytest

from listmgr.cards.parsing.classify_lines import guess_fields
from listmgr.cards.parsing.cross_checks import (
    company_and_domain,
    name_and_address,
)
from listmgr.cards.parsing.names import split_name
from listmgr.cards.parsing.parsed_card import UNSURE
from listmgr.cards.parsing.reading_order import Line


def line(text, top, left=0.0, high=20.0, confidence=0.99):
    return Line(text, left, top, left + 10.0 * len(text), top + high, confidence)


def guess(*lines):
    return guess_fields(lines, pictured=True)


def test_labels_in_a_column_of_their_own_belong_to_what_stands_beside_them():
    card = guess(
        line("Anna Müller", 0, high=35),
        line("Tel.", 100),
        line("+49 30 1234567", 101, left=200),
        line("Fax", 130),
        line("+49 30 1234568", 131, left=200),
        line("E-Mail", 160),
        line("anna.mueller@example.de", 159, left=200),
    )
    assert [(phone.number, phone.label) for phone in card.phones] == [
        ("+49 30 1234567", "work"),
        ("+49 30 1234568", "fax"),
    ]
    assert card.email.address == "anna.mueller@example.de"
    assert card.title.value == ""


def test_columns_are_read_one_after_the_other():
    card = guess(
        line("Hauptstraße 12", 100),
        line("www.example.de", 100, left=500),
        line("10115 Berlin", 125),
        line("info@example.de", 125, left=500),
    )
    assert [place.value for place in card.postal] == ["Hauptstraße 12", "10115 Berlin"]


def test_a_company_in_two_lines_is_one():
    card = guess(
        line("Rhein Logistik GmbH", 0, high=30),
        line("& Co. KG", 38, high=30),
        line("b.jaeger@rhein-logistik.com", 200),
    )
    assert card.organisation.value == "Rhein Logistik GmbH & Co. KG"


def test_a_firm_that_bears_the_name_of_its_owner():
    card = guess(
        line("Bäckerei Söhnlein", 0, high=30),
        line("Brot, das schmeckt wie früher", 38),
        line("Heike Söhnlein", 100, high=26),
        line("Inhaberin", 130),
        line("info@baeckerei-soehnlein.de", 200),
    )
    assert card.full_name.value == "Heike Söhnlein"
    assert card.organisation.value == "Bäckerei Söhnlein"
    assert card.title.value == "Inhaberin"


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("anna.mueller @acme-robotics.de", "anna.mueller@acme-robotics.de"),
        ("anna. mueller@acme-robotics.de", "anna.mueller@acme-robotics.de"),
        ("anna.mueller@acme- robotics.de", "anna.mueller@acme-robotics.de"),
        ("anna.mueller@acme-robotics,de", "anna.mueller@acme-robotics.de"),
        ("anna.mueller©acme-robotics.de", "anna.mueller@acme-robotics.de"),
        ("anna.rnueller@acme-robotics.de", "anna.mueller@acme-robotics.de"),
        ("anna.mue1ler@acme-robotics.de", "anna.mueller@acme-robotics.de"),
        ("anna.mueller@acme-robotlcs.de", "anna.mueller@acme-robotics.de"),
        ("E-mailanna.mueller@acme-robotics.de", "anna.mueller@acme-robotics.de"),
        ("anna.mueller@acme-robotics.de www.acme-robotics.de", "anna.mueller@acme-robotics.de"),
    ],
)
def test_misread_addresses_are_mended_and_less_sure(read, meant):
    card = guess(
        line("Acme Robotics GmbH", 0, high=40),
        line("Anna Müller", 100, high=30),
        line(read, 200),
        line("www.acme-robotics.de", 230),
    )
    assert card.email.address == meant
    exact = read.startswith(("anna.mueller@acme-robotics.de ", "E-mail"))
    assert (card.email.confidence < UNSURE) is not exact


def test_an_address_that_says_something_else_than_the_name_is_left_alone():
    card = guess(line("Anna Müller", 0, high=30), line("bestellung@acme.de", 100))
    assert card.email.address == "bestellung@acme.de"


def test_the_address_gives_a_name_its_umlauts_and_its_blank_back():
    card = guess(line("BARBELJAGER", 0, high=30), line("barbel.jager@acme.de", 100))
    assert card.full_name.value == "BARBEL JAGER"
    card = guess(line("Anna Muller", 0, high=30), line("anna.mueller@acme.de", 100))
    assert card.full_name.value == "Anna Müller"
    assert card.full_name.unsure


def test_blanks_and_sharp_s_that_were_not_seen():
    card = guess(
        line("HarrowgatePartnersLLP", 0, high=30),
        line("AnnaWeiB", 100, high=26),
        line("anna@harrowgate.co.uk", 200),
    )
    assert card.organisation.value == "Harrowgate Partners LLP"
    assert card.full_name.value == "Anna Weiß"


def test_a_line_the_reader_was_unsure_of_stays_unsure():
    card = guess(line("Anna Müller", 0, high=30, confidence=0.6), line("anna.mueller@acme.de", 50))
    assert card.full_name.unsure


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Dr. Anna Müller", ("Dr.", "Anna", "Müller", "")),
        ("Prof. Dr. med. Anna von der Heide", ("Prof. Dr. med.", "Anna", "von der Heide", "")),
        ("Müller, Anna", ("", "Anna", "Müller", "")),
        ("Anna Müller, MBA", ("", "Anna", "Müller", "MBA")),
        ("Marie Claire DUPONT MARTIN", ("", "Marie Claire", "DUPONT MARTIN", "")),
        ("John F. Kennedy Jr.", ("", "John F.", "Kennedy", "Jr.")),
        ("Madonna", ("", "", "Madonna", "")),
        ("Frau Dipl.-Ing. Eva Groß-Hülsmann", ("Frau Dipl.-Ing.", "Eva", "Groß-Hülsmann", "")),
    ],
)
def test_names_are_split_as_people_write_them(text, parts):
    name = split_name(text)
    assert (name.prefix, name.given, name.family, name.suffix) == parts


@pytest.mark.parametrize(
    ("name", "local", "agree"),
    [
        ("Anna Müller", "anna.mueller", True),
        ("Anna Müller", "a.muller", True),
        ("Anna Müller", "amueller", True),
        ("Anna Müller", "mueller", True),
        ("Zoé Lefèvre", "zoe.lefevre", True),
        ("Jean-Baptiste Garnier", "jean-baptiste.garnier", True),
        ("Anna Müller", "info", False),
        ("Anna Müller", "bernd.schmidt", False),
    ],
)
def test_names_and_addresses_that_agree(name, local, agree):
    assert (name_and_address(name, local) >= 0.8) is agree


@pytest.mark.parametrize(
    ("company", "domain", "agree"),
    [
        ("Acme Robotics GmbH", "acme-robotics.de", True),
        ("Notare von der Heide & Partner", "heide-notare.de", True),
        ("Münsterland Energie eG", "muensterland-energie.de", True),
        ("Widget Systems Ltd", "widgetsystems.co.uk", True),
        ("International Business Machines", "ibm.com", True),
        ("Petersen Fotografie", "gmail.com", False),
        ("Leiterin Vertrieb", "acme-robotics.de", False),
    ],
)
def test_companies_and_domains_that_agree(company, domain, agree):
    assert (company_and_domain(company, domain) >= 0.6) is agree
