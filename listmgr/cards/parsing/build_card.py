"""The statements of a card, in whatever notation they stood, as the fields of one person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from listmgr.cards.parsing.card_property import (
    Entry,
    one_line,
    several_lines,
)
from listmgr.cards.parsing.email_fields import addresses_in
from listmgr.cards.parsing.limits import (
    MAX_EMAILS,
    MAX_PHONES,
    MAX_POSTAL_LINES,
    MAX_URLS,
)
from listmgr.cards.parsing.names import (
    Name,
    name_of,
)
from listmgr.cards.parsing.parsed_card import (
    NOTHING,
    CardEmail,
    CardFields,
    CardPhone,
    Guess,
    ParsedCard,
)
from listmgr.kit.i18n import N_

BAD_ADDRESS = N_("An e-mail address on the card is not valid; it was put into the note.")
NO_ADDRESS = N_("The card names no e-mail address.")
NOT_WEB = N_("A link on the card is not a web address and was left out.")
A_LIST = N_("This card names so many addresses that it is a list. Please import it as a list.")
NOTHING_READ = N_("Nothing was found on this card.")
NAMES_UNCLEAR = N_("First and last name may be swapped. Please check.")

_KINDS_OF_PHONE = ("cell", "mobile", "iphone", "fax", "pager", "home", "work")
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_\Z")
_WEB = re.compile(r"(?:https?://)?[\w.-]+\.\w{2,}(?::\d+)?(?:[/?#]\S*)?\Z", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_]|\Z)", re.IGNORECASE)


@dataclass(slots=True)
class _Draft:
    """A card while it is read."""

    problems: list[str]
    labels: dict[str, str]
    plain: dict[str, Guess] = field(default_factory=dict)
    name: Name | None = None
    emails: list[tuple[int, CardEmail]] = field(default_factory=list)
    phones: list[CardPhone] = field(default_factory=list)
    postal: list[Guess] = field(default_factory=list)
    urls: list[Guess] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def odd(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def keep(self, name: str, value: str, source: str) -> None:
        """The first statement counts; later ones repeat it or are of a lesser job."""
        if name not in self.plain and (value := one_line(value)):
            self.plain[name] = Guess(value, 1.0, one_line(source) if source != value else value)


def assemble(entries: Iterable[Entry], problems: Sequence[str] = ()) -> ParsedCard | str:
    """The card, or the reason why it is none."""
    entries = list(entries)
    draft = _Draft(list(problems), _labels(entries))
    for entry in entries:
        if reader := _READERS.get(entry.name):
            reader(draft, entry)
    if len(draft.emails) > MAX_EMAILS:
        return A_LIST
    fields = _fields(draft)
    if not fields:
        return NOTHING_READ
    if not fields.emails:
        draft.odd(NO_ADDRESS)
    return ParsedCard(fields, tuple(draft.problems))


def _fields(draft: _Draft) -> CardFields:
    name = name_of(draft.plain.get("full_name", NOTHING), draft.name)
    if name.unclear:
        draft.odd(NAMES_UNCLEAR)
    note = several_lines("\n".join(draft.notes))
    return CardFields(
        full_name=name.full,
        first_name=name.first,
        last_name=name.last,
        prefix=name.prefix,
        suffix=name.suffix,
        organisation=draft.plain.get("organisation", NOTHING),
        department=draft.plain.get("department", NOTHING),
        title=draft.plain.get("title", draft.plain.get("role", NOTHING)),
        emails=_emails(draft.emails),
        phones=tuple(draft.phones),
        postal=tuple(draft.postal[:MAX_POSTAL_LINES]),
        urls=tuple(draft.urls[:MAX_URLS]),
        note=Guess(note, 1.0, note) if note else NOTHING,
        language=draft.plain.get("language", NOTHING),
    )


def _emails(ranked: list[tuple[int, CardEmail]]) -> tuple[CardEmail, ...]:
    """In the order of the card; only the best of those that ask to be preferred is."""
    best = min(ranked, key=lambda entry: entry[0], default=None)
    return tuple(
        CardEmail(email.address, entry is best, email.label, email.confidence, email.source)
        for entry in ranked
        for email in (entry[1],)
    )


def _labels(entries: Iterable[Entry]) -> dict[str, str]:
    """Apple's labels, by the group they belong to."""
    return {
        entry.group: one_line(_APPLE_LABEL.sub(r"\1", entry.text)).lower()
        for entry in entries
        if entry.name == "X-ABLABEL" and entry.group
    }


def _take_email(draft: _Draft, entry: Entry) -> None:
    if "x400" in entry.types or not entry.text.strip():
        return
    if len(draft.emails) > MAX_EMAILS:
        return
    good, bad = addresses_in(one_line(entry.text, 2_000))
    if bad:
        draft.odd(BAD_ADDRESS)
        draft.notes.extend(bad)
    addresses = {email.address for _, email in draft.emails}
    label = draft.labels.get(entry.group) or _one_of(entry, ("work", "home"))
    for address in good:
        if address not in addresses:
            email = CardEmail(address, False, label, 1.0, one_line(entry.source))
            draft.emails.append((_preference(entry), email))


def _preference(entry: Entry) -> int:
    """1 is best, as in vCard 4.0; the bare PREF of the older ones is that too."""
    if "pref" in entry.types:
        return 1
    stated = entry.params.get("PREF", "")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) <= 3 else 101


def _take_phone(draft: _Draft, entry: Entry) -> None:
    number = _number(one_line(";".join(entry.values)))
    if not number or len(draft.phones) >= MAX_PHONES:
        return
    label = draft.labels.get(entry.group) or _one_of(entry, _KINDS_OF_PHONE)
    label = "cell" if label in ("mobile", "iphone") else label
    if number not in {phone.number for phone in draft.phones}:
        draft.phones.append(CardPhone(number, label, 1.0, one_line(entry.source)))


def _number(text: str) -> str:
    """A number as people write it; of a `tel:` address (RFC 3966) the extension is kept."""
    number, *parameters = text.removeprefix("tel:").split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "ext" and value.strip():
            return f"{number} ext. {value.strip()}"
    return number


def _one_of(entry: Entry, kinds: Sequence[str]) -> str:
    return next((kind for kind in kinds if kind in entry.types), "")


def _take_name(draft: _Draft, entry: Entry) -> None:
    if draft.name is None:
        parts = [one_line(value.replace(",", " ")) for value in entry.values[:5]]
        parts += [""] * (5 - len(parts))
        draft.name = Name(*parts, source=one_line(entry.source))


def _take_organisation(draft: _Draft, entry: Entry) -> None:
    draft.keep("organisation", entry.text, entry.source)
    draft.keep("department", ", ".join(filter(None, entry.values[1:])), entry.source)


def _take_postal(draft: _Draft, entry: Entry) -> None:
    if draft.postal:
        return
    box, extended, street, city, region, code, country = (*entry.values[:7], *("",) * 7)[:7]
    parts = (extended, street, box, f"{code} {city}", region, country)
    label = entry.params.get("LABEL", "")
    lines = "\n".join(parts) if any(part.strip() for part in parts) else label
    _keep_lines(draft, lines, entry.source)


def _take_label(draft: _Draft, entry: Entry) -> None:
    if not draft.postal:
        _keep_lines(draft, entry.text, entry.source)


def _keep_lines(draft: _Draft, text: str, source: str) -> None:
    lines = several_lines(text).split("\n")
    draft.postal.extend(Guess(line, 1.0, one_line(source)) for line in lines if line)


def _take_url(draft: _Draft, entry: Entry) -> None:
    url = one_line(entry.text, 1_000)
    if not url:
        return
    if not _WEB.match(url):
        draft.odd(NOT_WEB)
    elif url not in {guess.value for guess in draft.urls}:
        draft.urls.append(Guess(url, 1.0, url))


def _take_note(draft: _Draft, entry: Entry) -> None:
    draft.notes.append(entry.text)


def _take_language(draft: _Draft, entry: Entry) -> None:
    if match := _LANGUAGE.match(entry.text.strip()):
        draft.keep("language", match[1].lower(), entry.source)


_READERS = {
    "N": _take_name,
    "FN": lambda draft, entry: draft.keep("full_name", entry.text, entry.source),
    "ORG": _take_organisation,
    "TITLE": lambda draft, entry: draft.keep("title", entry.text, entry.source),
    "ROLE": lambda draft, entry: draft.keep("role", entry.text, entry.source),
    "EMAIL": _take_email,
    "TEL": _take_phone,
    "ADR": _take_postal,
    "LABEL": _take_label,
    "URL": _take_url,
    "NOTE": _take_note,
    "LANG": _take_language,
}
