"""What a file's columns probably mean: by program, by name, by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from listmgr.imports.foreign import FOREIGN, Foreign, recognise
from listmgr.imports.plan import MANY, Plan, Target
from listmgr.imports.tables import Look
from listmgr.imports.words import meaning_of_name
from listmgr.subscribers.fields import CatalogueField

_T = Target
_ADDRESS = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+\Z")
NAMES: dict[str, str] = {
    name: target
    for target, names in {
        "email": "email, e-mail, mail, email address, e-mail address, emailaddress, e-mail-adresse,"
        " emailadresse, email-adresse, mailadresse, adresse mail, courriel",
        "first_name": "first name, firstname, first_name, fname, given name, vorname, prenom,"
        " prénom, rufname",
        "last_name": "last name, lastname, last_name, lname, surname, family name, nachname,"
        " familienname, nom",
        "company": "company, company name, organisation, organization, firma, firmenname,"
        " unternehmen, société",
        "language": "language, lang, locale, sprache, langue, preferred language",
        _T.FULL_NAME: "name, full name, fullname, vollständiger name, kontakt",
        _T.TAGS: "tags, tag, schlagworte, labels",
        _T.STATUS: "status, subscription status, email status, opt-in status, anmeldestatus",
        _T.OPTED_OUT: "unsubscribed, opted out, opt-out, optout, abgemeldet, widerrufen,"
        " blocklisted, blacklisted, blacklist, gesperrt",
        _T.OPTED_OUT_AT: "unsubscribed at, unsubscribed_at, unsub_time, opted out at,"
        " abgemeldet am, widerrufen am, optout_date",
        _T.BOUNCED: "bounced, hard bounced, gebounct, bounce",
        _T.COMPLAINED: "complained, spam, spam report, beschwerde",
        _T.CONFIRMED: "confirmed, double opt-in, double_opt-in, doi, bestätigt",
        _T.AGREED_AT: "confirmed at, confirmed_at, consent date, consent_at, opt-in date,"
        " double opt-in at, double_opt_in_at, confirm_time, bestätigt am, einwilligung am,"
        " doi-datum, doi datum",
        _T.IP: "ip, ip address, ip-adresse, confirm ip, confirm_ip, consent ip, opt-in ip, doi-ip",
        _T.HOW: "consent method, opt-in method, how, einwilligung durch",
        _T.WORDS: "consent text, wording, einwilligungstext, consent wording",
        _T.SYSTEM: "source system, system, quellsystem",
        _T.PROOF: "proof, nachweis, evidence",
    }.items()
    for name in names.split(", ")
}


def suggest(look: Look, fields: Sequence[CatalogueField], *, file_name: str, language: str) -> Plan:
    """A plan to begin with. Nothing is guessed that would make anybody confirmed."""
    known = recognise(look.columns)
    columns = _columns(look, fields, known)
    names = look.tables if look.tables != ("",) else ()
    tables = {name: meaning.value for name in names if (meaning := meaning_of_name(name))}
    if not names and (alone := meaning_of_name(file_name)) and _T.STATUS not in columns.values():
        tables[""] = alone.value
    return Plan(
        columns=columns,
        words={word: meaning.value for word, meaning in known.words.items()} if known else {},
        tables=tables,
        language=language,
        how=known.how if known else "",
        system=known.title if known else "",
        foreign=known.key if known else "",
    )


def foreign_title(key: str) -> str:
    """The name of a program we know the export of."""
    return next((one.title for one in FOREIGN if one.key == key), "")


def _columns(look: Look, fields: Sequence[CatalogueField], known: Foreign | None) -> dict[str, str]:
    allowed = {field.key for field in fields}
    ours = {
        told.strip().lower(): field.key
        for field in fields
        for told in (field.label_de, field.label_en, field.key)
    }
    names = NAMES | ours | (dict(known.columns) if known else {})
    found: dict[str, str] = {}
    for label in look.columns:
        target = names.get(label.strip().lower(), "")
        is_taken = target in found.values() and target not in MANY
        is_ours = target in allowed or target.startswith("=")
        found[label] = str(target) if is_ours and not is_taken else ""
    if "email" not in found.values():
        found |= dict.fromkeys(_by_cells(look)[:1], "email")
    return found


def _by_cells(look: Look) -> list[str]:
    """The columns whose cells look like addresses, the surest first."""

    def share(label: str) -> float:
        cells = [row[label] for row in look.rows if row.get(label)]
        return sum(bool(_ADDRESS.match(cell.strip())) for cell in cells) / max(1, len(cells))

    return sorted((one for one in look.columns if share(one) > 0.5), key=share, reverse=True)
