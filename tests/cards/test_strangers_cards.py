"""Cards as strangers order them: names, titles, firms and jobs of many countries, line by line."""

from __future__ import annotations

import random

import pytest

from listmgr.cards.parsing.classify_lines import guess_fields
from listmgr.cards.parsing.names import split_name
from listmgr.cards.parsing.parsed_card import UNSURE, CardFields
from listmgr.cards.parsing.signature import parse_signature
from tests.cards.test_unfamiliar_cards import lines_of


def read(text: str) -> CardFields:
    return guess_fields(lines_of(text), pictured=True)


def name_of(card: CardFields) -> str:
    return f"{card.first_name.value} {card.last_name.value}"


@pytest.mark.parametrize(
    ("printed", "given", "family"),
    [
        ("ROSSI Giampaolo", "Giampaolo", "ROSSI"),
        ("LE GALL Jean-Yves", "Jean-Yves", "LE GALL"),
        ("Jean-Yves LE GALL", "Jean-Yves", "LE GALL"),
        ("MUELLER J.", "J.", "MUELLER"),
        ("MD Rahman", "MD", "Rahman"),
        ("HECTOR VILLANUEVA, PE", "HECTOR", "VILLANUEVA"),
        ("MÜLLER, ANNA", "ANNA", "MÜLLER"),
        ("Rosalind Whitcombe MBE", "Rosalind", "Whitcombe"),
        ("Prof.ssa Ornella Conti", "Ornella", "Conti"),
        ("Mag.a Edith Kainz", "Edith", "Kainz"),
        ("Fco. Javier Ortuño", "Fco. Javier", "Ortuño"),
        ("Duarte Vasconcelos e Sá", "Duarte", "Vasconcelos e Sá"),
    ],
)
def test_issue11_a_name_in_the_order_and_with_the_letters_it_is_printed(printed, given, family):
    name = split_name(printed)
    assert (name.given, name.family) == (given, family)


@pytest.mark.parametrize(
    ("text", "name", "organisation"),
    [
        # The job stands before the name in its line.
        ("Malermeister Karl-Heinz Groß\n\nTalweg 3\n01067 Dresden\nmaler@gmx.de",
         "Karl-Heinz Groß", ""),
        ("#Clínica da Foz\nMédica Dentista Filipa Queirós\nRua Nova 2\ninfo@clinicadafoz.pt",
         "Filipa Queirós", "Clínica da Foz"),
        # A name that begins small.
        ("#Menuiserie Roux\nMe Tancrède d'Aubigny\nNotaire\ncontact@menuiserie-roux.fr",
         "Tancrède d'Aubigny", "Menuiserie Roux"),
        # The person's own name is the domain.
        ("#MUDr. Ondřej Říha\npraktický lékař\nordinace@mudr-riha.cz", "Ondřej Říha", ""),
        ("ezra goldblum\nletterpress & bookbinding\nezra@goldblum.com", "ezra goldblum", ""),
        # An address that says the firm.
        ("#The Copper Kettle\n\nPeggy Ollerenshaw\nProprietor\n\nthecopperkettle@btinternet.com",
         "Peggy Ollerenshaw", "The Copper Kettle"),
    ],
)  # fmt: skip
def test_issue11_a_person_no_list_of_jobs_or_addresses_names(text, name, organisation):
    card = read(text)
    assert name_of(card) == name
    if organisation:
        assert card.organisation.value == organisation


@pytest.mark.parametrize(
    ("text", "organisation"),
    [
        # The mark and the whole name.
        ("#FARMAVIT\nFarmavit S.r.l.\n\nConcetta Riva\nc.riva@farmavit.it", "Farmavit S.r.l."),
        ("#WEHRMANN & SÖHNE\nWehrmann & Söhne Heizungsbau GmbH\n\nIda Alt\nida@wehrmann.de",
         "Wehrmann & Söhne Heizungsbau GmbH"),
        # Mottoes, departments, registers and jobs right beside the firm.
        ("Tischlerei Riedel\nTermine nach Vereinbarung\n\nIda Alt\nida@tischlerei-riedel.de",
         "Tischlerei Riedel"),
        ("Kuipers Loodgieters\nKvK 30123456\n\nIda Alt\nida@kuipersloodgieters.nl",
         "Kuipers Loodgieters"),
        ("Gebrüder Zumbühl AG\nMetall- und Fassadenbau\n\nIda Alt\nida@zumbuehl.ch",
         "Gebrüder Zumbühl AG"),
        ("Ida Alt\nInköpschef\nMöbelhuset Dalarna Aktiebolag\nida@mobelhuset.se",
         "Möbelhuset Dalarna Aktiebolag"),
        ("Ida Alt\nDentalhygienikerin\nCaduff Advokatur\nida@caduff-law.ch", "Caduff Advokatur"),
        # A mark in two lines, and one that is not done.
        ("#Klavierhaus\n#Sonntag\n\nIda Alt\nKlavierbauerin\nida@klavierhaus-sonntag.de",
         "Klavierhaus Sonntag"),
        ("#Fairweather &\n#Daughters Saddlery\n\nIda Alt\nida@fairweathersaddlery.uk",
         "Fairweather & Daughters Saddlery"),
    ],
)  # fmt: skip
def test_issue11_a_firm_ends_where_the_next_line_is_another_thing(text, organisation):
    assert read(text).organisation.value == organisation


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("#Núria Casadevall i\n#Puig\nAdvocada\nncasadevall@alto.es", "Núria Casadevall i Puig"),
        ("#Shaniqua Brooks-\n#Tyler\nVP Operations\nsbrooks@aero.com", "Shaniqua Brooks-Tyler"),
        ("#Bengt-Åke\n#Sjöström\nVD\ninfo@norr.se", "Bengt-Åke Sjöström"),
        ("#JASMIN\n#OBERHUBER\nFotografin\nhallo@jasminoberhuber.de", "JASMIN OBERHUBER"),
    ],
)  # fmt: skip
def test_issue11_a_large_name_takes_two_lines(text, name):
    assert name_of(read(text)) == name


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("Pádraigó Súilleabháin".replace("ó", "Ó"), "Pádraig Ó Súilleabháin"),
        ("Maeve NíBhriain", "Maeve Ní Bhriain"),
        ("Pierluigi Dell' Acqua", "Pierluigi Dell'Acqua"),
        ("Jan vander Meer", "Jan van der Meer"),
        ("Dr.Hans Weber", "Hans Weber"),
        ("Asa-Karin Sjöström", "Åsa-Karin Sjöström"),
        ("Jadwiga SZCZEPAńSKA", "Jadwiga SZCZEPAŃSKA"),
        ("AIfred Weber", "Alfred Weber"),
    ],
)
def test_issue11_letters_and_blanks_that_were_misread_are_put_right(printed, name):
    assert name_of(read(f"#{printed}\nKonsult\ninfo@example.org")) == name


def test_issue11_an_address_broken_at_its_hyphen_is_one_and_looked_at():
    card = read("Uni Rostnitz\nJörn Asmussen\njoern.asmussen@uni-\nrostnitz.de")
    assert card.email.address == "joern.asmussen@uni-rostnitz.de"
    assert card.email.confidence < UNSURE


@pytest.mark.parametrize(
    "text",
    [
        # Marks that are often misread, a word without a vowel, a blank that may be lost.
        "#Radovan Štastný\npekař\nradovan.stastny@pekarna.cz",
        "#Nguyn Th Lan\nFilialleiterin\nnguyn.lan@markt.de",
        "#Ruggero DiStefano\nTitolare\nruggero.distefano@idro.it",
        # One word alone.
        "#Rottmann\nGeschäftsführer\nrottmann@rottmann.de",
        # The freemail address of a firm.
        "#Dudek Transport\nkrajowy i zagraniczny\ndudektransport@o2.pl",
    ],
)
def test_issue11_a_name_in_doubt_is_looked_at(text):
    name = read(text).full_name
    assert name.unsure or not name


def test_issue11_large_print_alone_does_not_make_a_firm_sure():
    card = read("#stolarnia\nŁukasz Wrona\nstolarz\n512 555 013\nlukasz.wrona@wp.pl")
    assert card.organisation.unsure or not card.organisation


@pytest.mark.parametrize(
    ("text", "name", "organisation"),
    [
        ("Cheers\nTariq Mahmood\nSenior Partner, Mahmood Reid Solicitors\nt@mahmoodreid.uk",
         "Tariq Mahmood", "Mahmood Reid Solicitors"),
        ("--\nSCP d'Aubigny Rouvière, Notaires\nHélène Pasquier\n4, rue du Lac\n29200 Brest\n"
         "accueil@aubigny-notaires.fr", "Hélène Pasquier", "SCP d'Aubigny Rouvière, Notaires"),
        ("--\nIda Alt\nMaestro carpintero, Conservas Carballo, S.A.U.\nida@conservascarballo.es",
         "Ida Alt", "Conservas Carballo, S.A.U."),
    ],
)  # fmt: skip
def test_issue11_a_signature_parts_jobs_and_firms(text, name, organisation):
    card = parse_signature(text).cards[0].fields
    assert name_of(card) == name
    assert card.organisation.value == organisation


def test_issue11_a_name_that_no_list_address_or_firm_vouches_for_is_looked_at():
    """A title and a job below tell that it is a person, and nothing of how it is spelt."""
    card = read("#Dr. Xylander Quorbek\nGeschäftsführer\n\nAlpha Bau GmbH\ninfo@alphabau.de")
    assert name_of(card) == "Xylander Quorbek"
    assert card.full_name.unsure


def test_issue11_a_mailbox_at_a_provider_names_a_firm():
    card = read("#Metzgerei Knops\nPartyservice & Catering\nJosef Knops\nmetzgerei-knops@gmx.de")
    assert card.organisation.value == "Metzgerei Knops"
    assert name_of(card) == "Josef Knops"


def test_issue11_what_somebody_does_is_not_a_part_of_a_firm_with_their_name():
    card = read("#Detlef Kowalski\nHausmeisterservice\nGartenpflege\n0177 1234567\ndko@web.de")
    assert name_of(card) == "Detlef Kowalski"
    assert card.organisation.value != "Detlef Kowalski Hausmeisterservice"


WORDS = [
    "MUELLER",
    "J.",
    "Dr.",
    "prof.",
    "n.",
    "de",
    "la",
    "VAN",
    "É",
    "I",
    "O'",
    "d'X",
    "&",
    "+",
    "GmbH",
    "AG",
    "S.A.",
    "Co.",
    ",",
    "-",
    "--",
    ".",
    "Ó",
    "Mª",
    "@",
    "a@b.de",
    "info@x.de",
    "+49",
    "1234567",
    "12345",
    "Berlin",
    "Straße",
    "PhD,",
    "LL.M.",
    "(FH)",
    "et",
    "Jean-Yves",
    "Šťastný",
    "ťť",
    "0",
    "l",
    "1",
    "Klinik",
    "für",
    "Leiter",
    "Notaris",
    "Sons",
    "'",
    "’",
    "Rue",
    "75001",
    "www.x.de",
]


@pytest.mark.parametrize("seed", range(6))
def test_issue11_no_order_of_words_breaks_the_reader(seed):
    chance = random.Random(seed)
    for _ in range(60):
        rows = (
            chance.choice(("", "#")) + " ".join(chance.choices(WORDS, k=chance.randrange(1, 5)))
            for _ in range(chance.randrange(1, 9))
        )
        lines = lines_of("\n".join(rows))
        guess_fields(lines, pictured=True)
        guess_fields(lines, pictured=False)
