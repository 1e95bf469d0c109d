"""Printed cards of other countries and trades: names, titles and firms no design of ours shows."""

from __future__ import annotations

import pytest

from listmgr.cards.parsing.classify_lines import guess_fields
from listmgr.cards.parsing.reading_order import Line


def lines_of(text: str) -> list[Line]:
    """A line each; `#` before it prints it half as large again, as names and firms are."""
    lines, top = [], 0.0
    for row in text.strip("\n").split("\n"):
        large = row.startswith("#")
        high = 30.0 if large else 20.0
        words = row.lstrip("#").strip()
        lines.append(Line(words, 40.0, top, 40.0 + high / 2 * len(words), top + high, 0.97))
        # A blank line parts blocks.
        top += high * 1.3 if words else 40.0
    return [line for line in lines if line.text]


CARDS = {
    "Karl-Heinz Obermoser": (
        "#Karl-Heinz Obermoser\nZimmermeister\n\n#Holzbau Obermoser e.U.\nDorf 44\n6353 Going\n"
        "office@obermoser-holz.at\n+43 5358 12345",
        "Holzbau Obermoser e.U.",
    ),
    "Paweł Wiśniewski": (
        "#Mazowsze Logistyka Sp. z o.o.\nmgr Paweł Wiśniewski\nKierownik sprzedaży\n"
        "ul. Prosta 20, 00-850 Warszawa\ntel. +48 22 123 45 67\nbiuro@mazowsze-log.pl",
        "Mazowsze Logistyka Sp. z o.o.",
    ),
    "Søren Kjærgaard": (
        "#Søren Kjærgaard\nAdm. direktør\n\n#Nordhavn Maritim ApS\nHavnegade 3\n1058 København K\n"
        "kontakt@nordhavn-maritim.dk\n+45 33 12 34 56",
        "Nordhavn Maritim ApS",
    ),
    "Jens Albrecht": (
        "#Zahnarztpraxis am Stadtpark\nDr. med. dent. Jens Albrecht\nLindenallee 5\n50667 Köln\n"
        "praxis@zahn-stadtpark.de\nTel. 0221 998877",
        "Zahnarztpraxis am Stadtpark",
    ),
    "Élodie Vasseur": (
        "Me Élodie Vasseur\nAvocate à la Cour\n#Vasseur & Lambert\n8 rue Cambon\n75001 Paris\n"
        "cabinet@vasseur-lambert.fr\nTél. 01 42 60 10 20",
        "Vasseur & Lambert",
    ),
    "Francesca Bellini": (
        "#Studio Legale Bellini\nAvv. Francesca Bellini\nVia Roma 12\n20121 Milano\n"
        "studio@bellini-legale.it\n+39 02 7600 1234",
        "Studio Legale Bellini",
    ),
    "Marisol Ortega": (
        "#Bodegas Ortega, S.L.\nMarisol Ortega\nDirectora comercial\nCalle Mayor 7\n26001 Logroño\n"
        "info@bodegasortega.es\n+34 941 123 456",
        "Bodegas Ortega, S.L.",
    ),
    "Linnéa Åkesson": (
        "#Linnéa Åkesson\nKonsult\n#Fjällbyrå Konsult AB\nStorgatan 9\n831 30 Östersund\n"
        "linnea@fjallbyra.se\n+46 63 12 34 56",
        "Fjällbyrå Konsult AB",
    ),
    "Tuomas Virtanen": (
        "#Järvi Engineering Oy\nTuomas Virtanen\nToimitusjohtaja\nMannerheimintie 20\n"
        "00100 Helsinki\ntuomas.virtanen@jarvi.fi\n+358 9 123 4567",
        "Järvi Engineering Oy",
    ),
    "Jiří Dvořák": (
        "#Moravské strojírny a.s.\nIng. Jiří Dvořák\nvedoucí nákupu\nBrněnská 1\n602 00 Brno\n"
        "nakup@mstrojirny.cz\n+420 541 123 456",
        "Moravské strojírny a.s.",
    ),
    "Giovanni Ricci": (
        "#Officina Meccanica\n#Ricci S.r.l.\nDott. Giovanni Ricci\nAmministratore\nVia Emilia 3\n"
        "40131 Bologna\ng.ricci@officinaricci.it\n+39 051 123456",
        "Officina Meccanica Ricci S.r.l.",
    ),
    "Katharina Brandl": (
        "#Gärtnerei Brandl\nKatharina Brandl\nGartenweg 2\n84028 Landshut\n"
        "hallo@gaertnerei-brandl.de\n0871 123456",
        "Gärtnerei Brandl",
    ),
    "Hendrik van der Meer": (
        "#Van der Meer Bloemen B.V.\nHendrik van der Meer\nInkoop\nBloemenlaan 10\n"
        "1431 AB Aalsmeer\ninkoop@vdmeerbloemen.nl\n+31 297 123 456",
        "Van der Meer Bloemen B.V.",
    ),
    "Rosa Ferreira": (
        "Rosa Ferreira\nGerente\n#Cerâmica do Vale, Lda.\nRua Direita 4\n3800-100 Aveiro\n"
        "geral@ceramicadovale.pt\n+351 234 123 456",
        "Cerâmica do Vale, Lda.",
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_name_and_firm_of_an_unfamiliar_card(name):
    text, company = CARDS[name]
    card = guess_fields(lines_of(text), pictured=True)
    assert f"{card.first_name.value} {card.last_name.value}" == name
    assert card.organisation.value == company
