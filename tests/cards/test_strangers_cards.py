"""Cards as strangers order them: names, titles, firms and jobs of many countries, line by line."""

from __future__ import annotations

import pytest

from listmgr.cards.parsing.classify_lines import guess_fields
from listmgr.cards.parsing.names import split_name
from listmgr.cards.parsing.parsed_card import CardFields
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
