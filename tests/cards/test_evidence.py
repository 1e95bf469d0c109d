"""Layout and agreement tell what a line is where no list of words does, and how sure that is."""

from __future__ import annotations

import numpy
import pytest
from PIL import Image, ImageDraw

from listmgr.cards.imaging.ocr import read_lines
from listmgr.cards.imaging.read_image import read_picture
from listmgr.cards.parsing.classify_lines import guess_fields
from listmgr.cards.parsing.names import split_name
from listmgr.cards.parsing.parsed_card import UNSURE, CardFields
from listmgr.cards.parsing.reading_order import Line
from tests.cards.printed import card as labelled_card
from tests.cards.printed import font


def read(*rows: tuple[str, float] | str, confidence: float = 0.99) -> CardFields:
    """The card of rows one below the other: a text and its height, or small print; "" is a gap."""
    lines, top = [], 0.0
    for row in rows:
        text, high = (row, 20.0) if isinstance(row, str) else row
        if text:
            lines.append(Line(text, 40.0, top, 40.0 + high / 2 * len(text), top + high, confidence))
        top += high * 1.1 if text else 60.0
    return guess_fields(lines, pictured=True)


def name_of(card: CardFields) -> str:
    return f"{card.first_name.value} {card.last_name.value}"


def test_a_firm_in_two_lines_of_one_setting_is_one_although_one_line_is_the_domain():
    card = read(
        ("Brückner", 34),
        ("Wasserkraft", 34),
        "",
        ("Ylva Nyqvist", 36),
        "Inköpare",
        "",
        "yn@brueckner.se",
    )
    assert card.organisation.value == "Brückner Wasserkraft"
    assert name_of(card) == "Ylva Nyqvist"


def test_a_motto_in_other_letters_is_not_the_second_line_of_the_firm():
    card = read(("DRUKARNIA NOWAK", 26), ("Quality since 1924", 24), "", "mail@nowak-druk.pl")
    assert card.organisation.value == "DRUKARNIA NOWAK"


@pytest.mark.parametrize(
    ("street", "city"),
    [
        ("Corso Torino 9", "16129 Genova"),
        ("Hamngatan 3", "582 26 Linköping"),
        ("ul. Kwiatowa 14", "80-180 Gdańsk"),
        ("Oude Gracht 114", "3511 AW Utrecht"),
    ],
)
def test_what_stands_over_a_city_and_has_a_number_is_its_street(street, city):
    card = read(("Asger Thomsen", 36), "", street, city, "", "asger@klit-fisk.dk")
    assert [line.value for line in card.postal] == [street, city]


def test_smaller_print_under_a_name_is_the_job_in_any_language():
    card = read(
        ("Nowicki Budownictwo", 34), "", ("Bożena Żak", 36), "Księgowa", "", "b.zak@nowicki.pl"
    )
    assert (name_of(card), card.title.value) == ("Bożena Żak", "Księgowa")
    assert card.organisation.value == "Nowicki Budownictwo"
    assert card.title.unsure


def test_a_shortened_word_before_two_names_is_a_title_and_before_one_a_name():
    assert split_name("Av. Ümit Öztürk").prefix == "Av."
    assert split_name("FM Risto Koskinen").prefix == "FM"
    assert split_name("Chr. Andersen").given == "Chr."
    assert split_name("J. Martin Andersen").given == "J. Martin"
    assert split_name("ANN MARIE LEE").prefix == ""


def test_a_particle_that_the_address_runs_together_is_part_of_the_name():
    card = read(("Terra Nuova", 34), "", ("Donatella Di Stefano", 36), "", "d.distefano@ctn-net.it")
    assert name_of(card) == "Donatella Di Stefano"
    assert not card.full_name.unsure


def test_a_lawyer_whose_firm_bears_her_name_keeps_both():
    card = read(
        ("Öztürk Hukuk Bürosu", 36),
        "",
        ("Av. Şebnem Öztürk", 38),
        "Avukat",
        "",
        "zentrale@oeztuerk-hukuk.tr",
    )
    assert name_of(card) == "Şebnem Öztürk"
    assert card.organisation.value == "Öztürk Hukuk Bürosu"


def test_a_large_line_that_is_left_is_the_firm_rather_than_the_domain():
    card = read(("Tegnestuen Bæk", 38), "", ("Preben Bæk", 36), "Direktør", "", "p.baek@tb-net.dk")
    assert card.organisation.value == "Tegnestuen Bæk"


def test_a_name_takes_two_lines_where_the_first_ends_in_a_particle():
    card = read(("Jean-Marc de La", 58), ("Tour", 58), "", "j.delatour@papeteries.fr")
    assert name_of(card) == "Jean-Marc de La Tour"


def test_doubtful_letters_are_looked_at_however_much_agrees():
    rows = (
        ("Anna Müller", 36),
        "Geschäftsführerin",
        "",
        ("Acme GmbH", 34),
        "",
        "anna.mueller@acme.de",
    )
    assert read(*rows).full_name.confidence >= UNSURE
    assert read(*rows, confidence=0.93).full_name.unsure
    assert read(*rows, confidence=0.93).organisation.unsure


def test_one_reason_alone_is_looked_at_and_two_that_are_independent_are_not():
    alone = read(("Ulmine Rochat", 26), "", "x17@acme.ch")
    assert alone.full_name.value == "Ulmine Rochat"
    assert alone.full_name.unsure
    agreeing = read(("Ulmine Rochat", 26), "", "u.rochat@acme.ch")
    assert not agreeing.full_name.unsure


def test_a_firm_on_a_card_without_a_person_is_looked_at():
    card = read(("Rottmann, Hans Rottmann Dachdecker", 36), ("GmbH", 34), "", "info@rottmann.de")
    assert card.full_name.unsure
    assert card.organisation.unsure


def test_a_mark_that_runs_up_the_side_is_read():
    card = Image.new("RGB", (1000, 600), "white")
    strip = Image.new("RGB", (600, 120), "#0b5a7a")
    mark = ImageDraw.Draw(strip)
    mark.text((300, 60), "Salzkammer Touristik", font=font("lato", 48), fill="white", anchor="mm")
    card.paste(strip.rotate(90, expand=True), (0, 0))
    pen = ImageDraw.Draw(card)
    for top, text, size in (
        (80, "Aloisia Haselwanter", 44),
        (140, "Winzer", 28),
        (420, "kontakt@salzkammer.example", 30),
        (470, "+43 1 587 48 22", 30),
    ):
        pen.text((220, top), text, font=font("lato", size), fill="black")
    fields = guess_fields(read_lines(numpy.asarray(card)), pictured=True)
    assert fields.organisation.value == "Salzkammer Touristik"
    assert fields.full_name.value == "Aloisia Haselwanter"


def test_a_card_whose_panels_look_like_cards_is_read_whole():
    labelled = labelled_card(41)
    (read_card,) = read_picture(labelled.file()).cards
    assert read_card.fields.email.address == labelled.printed.email
    assert name_of(read_card.fields) == labelled.printed.name


def test_a_word_broken_at_its_hyphen_is_one():
    card = read(("Hans-", 58), ("Jürgen Vogt", 58), "", "hans-juergen.vogt@elbwerk.de")
    assert name_of(card) == "Hans-Jürgen Vogt"


def test_a_name_with_more_than_the_address_says_is_looked_at():
    card = read(("Eva Schönfeld ELBWERK", 36), "Bauleiterin", "", "eva.schoenfeld@e-net.de")
    assert card.full_name.unsure
    card = read(("Eva Schönfeld", 36), "Bauleiterin", "", "eva.schoenfeld@e-net.de")
    assert not card.full_name.unsure
