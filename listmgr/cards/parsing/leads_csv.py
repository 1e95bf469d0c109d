"""A CSV of leads as fairs and scanner apps hand them out, in the words of several languages."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping

from listmgr.cards.parsing.build_card import assemble
from listmgr.cards.parsing.card_property import Entry
from listmgr.cards.parsing.parse_result import (
    collected,
    nothing,
)
from listmgr.cards.parsing.parsed_card import (
    Kind,
    ParsedCard,
    ParseResult,
)
from listmgr.kit.i18n import N_
from listmgr.kit.safe_csv import unguard

NO_HEADINGS = N_(
    "The first line must name the columns: e-mail, first name, last name, company and so on."
)
BROKEN_ROW = N_("This line could not be read: a field is too long or a quote is open.")

_HEADINGS: Mapping[str, str] = {
    heading: meaning
    for meaning, headings in {
        "email": "email mail emailadresse emailaddress mailadresse courriel adressemail"
        " adresseemail adresseelectronique correo emailwork emailgeschaftlich emailgesch"
        " email1 email1value businessemail workemail contactemail epost",
        "first": "firstname givenname vorname prenom nombre forename",
        "last": "lastname surname familyname nachname familienname zuname nomdefamille apellido",
        "full": "name fullname kontakt contact ansprechpartner nomcomplet person nom kontaktperson"
        " contactname vollername",
        "company": "company organisation organization firma unternehmen societe entreprise account"
        " firmenname companyname organizationname accountname empresa organization1name",
        "title": "jobtitle position funktion stelle poste fonction role rolle berufsbezeichnung"
        " title",
        "prefix": "titel anrede salutation civilite prefix akademischertitel",
        "department": "department abteilung departement",
        "work": "phone telephone telefon tel telefonnummer phonenumber businessphone workphone"
        " telefongeschaftlich phone1value festnetz",
        "cell": "mobile handy mobil mobiltelefon cell cellphone mobilephone portable mobilenumber",
        "fax": "fax telefax faxnumber",
        "street": "street strasse strassehausnummer address adresse anschrift rue address1 strase",
        "code": "zip plz postcode postleitzahl codepostal postalcode zipcode",
        "city": "city ort stadt ville town wohnort",
        "country": "country land pays",
        "url": "website web url homepage internet siteweb webseite",
        "note": "note notes notiz notizen bemerkung bemerkungen kommentar comment comments"
        " remarque remarques gesprachsnotiz",
        "language": "language sprache langue lang",
    }.items()
    for heading in headings.split()
}
_DELIMITERS = ";,\t|"


def is_leads(text: str) -> bool:
    """Whether the first line names columns, one of them for the address."""
    return "email" in _columns(*_headings(text)).values()


def parse_leads(text: str) -> ParseResult:
    """One card a row; rows that cannot be read are told with their line."""
    headings, delimiter = _headings(text)
    columns = _columns(headings, delimiter)
    if "email" not in columns.values():
        return nothing(Kind.CSV, NO_HEADINGS)
    return collected(Kind.CSV, _reads(text, columns, headings, delimiter))


def _reads(
    text: str, columns: Mapping[int, str], headings: list[str], delimiter: str
) -> Iterator[tuple[int, ParsedCard | str]]:
    for line, row in _rows(text, delimiter):
        yield line, BROKEN_ROW if row is None else assemble(_entries(row, columns, headings))


def _headings(text: str) -> tuple[list[str], str]:
    """The first line cut by the delimiter that makes most sense of it."""
    line = text.lstrip("\n\r").partition("\n")[0].strip("\r")[:5_000]
    cuts = [
        ([part.strip().strip('"') for part in line.split(separator)], separator)
        for separator in _DELIMITERS
    ]
    return max(cuts, key=lambda cut: len(_columns(*cut)))


def _columns(headings: list[str], delimiter: str) -> dict[int, str]:
    """Which column holds what; without a delimiter a single column of addresses is a list too."""
    meanings = {
        number: meaning
        for number, heading in enumerate(headings)
        if (meaning := _HEADINGS.get(_plain(heading)))
    }
    # "Name" beside "Vorname" is the family name, as "nom" beside "prénom" is.
    if "first" in meanings.values() and "last" not in meanings.values():
        meanings = {n: "last" if meaning == "full" else meaning for n, meaning in meanings.items()}
    return meanings if delimiter else {}


def _plain(heading: str) -> str:
    """A heading without case, accents, blanks and marks."""
    parted = unicodedata.normalize("NFD", heading.casefold())
    return re.sub(r"[^a-z0-9]", "", parted)


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """The rows below the headings with their line numbers; None for one that is broken."""
    reader = csv.reader(io.StringIO(text.lstrip("\n\r"), newline=""), delimiter=delimiter)
    first = True
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            yield reader.line_num, None
            continue
        if row is None:
            return
        if not first and any(cell.strip() for cell in row):
            yield reader.line_num, row
        first = False


def _entries(row: list[str], columns: Mapping[int, str], headings: list[str]) -> Iterator[Entry]:
    values: dict[str, str] = {}
    for number, cell in enumerate(row[: len(headings)]):
        text = unguard(cell.strip())
        meaning = columns.get(number)
        if meaning == "email":
            yield Entry("EMAIL", (text,), source=text)
        elif meaning:
            values.setdefault(meaning, text)
        elif text and headings[number]:
            # What a fair asked people besides, for the reviewer to see.
            yield Entry("NOTE", (f"{headings[number]}: {text}",))
    yield from _named(values)


def _named(values: Mapping[str, str]) -> Iterator[Entry]:
    def of(*meanings: str) -> tuple[str, ...]:
        return tuple(values.get(meaning, "") for meaning in meanings)

    family, given, prefix = of("last", "first", "prefix")
    if family or given:
        yield Entry("N", (family, given, "", prefix))
    yield Entry("FN", of("full"), source=values.get("full", ""))
    yield Entry("ORG", of("company", "department"), source=values.get("company", ""))
    yield Entry("TITLE", of("title"), source=values.get("title", ""))
    for kind in ("work", "cell", "fax"):
        yield Entry("TEL", of(kind), frozenset({kind}), source=values.get(kind, ""))
    street, city, code, country = of("street", "city", "code", "country")
    yield Entry("ADR", ("", "", street, city, "", code, country), source=street)
    yield Entry("URL", of("url"), source=values.get("url", ""))
    yield Entry("NOTE", of("note"), source=values.get("note", ""))
    yield Entry("LANG", of("language"), source=values.get("language", ""))
