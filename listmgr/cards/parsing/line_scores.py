"""How much a line looks like a name, a company, a job or a place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from listmgr.cards.parsing.cross_checks import (
    company_and_domain,
    company_label,
    goes_beyond,
    name_and_address,
    stripped,
)
from listmgr.cards.parsing.given_names import GIVEN_NAMES
from listmgr.cards.parsing.names import (
    PARTICLES,
    SUFFIXES,
    is_title,
    shouted_family_first,
    split_name,
)
from listmgr.cards.parsing.reading_order import Line
from listmgr.cards.parsing.vocabulary import (
    CITY,
    COUNTRY,
    DEPARTMENT,
    LEGAL_FORM,
    ORGANISATION,
    STREET,
    TITLE,
)

_NAME_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.-])*\Z")
_STREET_WORD = re.compile(
    r"(?:street|road|lane|avenue|way|square|court|drive|gate|hill|quay|stra(?:ß|ss)e|weg|platz"
    r"|gasse|allee)\Z",
    re.IGNORECASE,
)
# Words that are small within names; couples are joined by some.
_SMALL_WORDS = PARTICLES | {"et", "and", "und", "og", "och"}
# Nobility and contractions that begin small: d'Aubigny, dell'Acqua, 't Hooft.
_ELIDED = re.compile(r"(?:[dl]|dell|dall|de|ter|an|')['’]\s?[A-Z]|['’]t\Z")
# Who signs for somebody else still gives the own name.
_ON_BEHALF = re.compile(r"\A(?:i\. ?[AV]\.|ppa\.?|p\. ?p\.|gez\.)\s+", re.IGNORECASE)
_HOUSE_NUMBER = re.compile(
    r"\A\d{1,4}\s?(?:[a-zA-Z]|bis|ter)?,?\s+[^\W\d_]{2}|[^\W\d_][^\d]*\d{1,4}\s?[a-zA-Z]?"
    r"(?:\s?[-–/]\s?\d{1,4}\s?[a-zA-Z]?)?\Z"
)
# Words of firms and mottoes that no name has.
_FUNCTION_WORD = re.compile(
    r"(?:\A(?:the|die|das|les|los|il)\s)|\b(?:of|for|für|since|seit|dal)\b", re.IGNORECASE
)
_COMMA = re.compile(r"\s*[,;]\s+|\s+[-–—/]\s+")
_REGISTER = re.compile(
    r"\b(?:HRB|HRA|Amtsgericht|Registergericht|USt-?Id\w*|VAT|SIRET|SIREN|RCS|TVA|IBAN|BIC|Sitz der"
    r"|Registered (?:in|office)|Company (?:No|Number))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clues:
    """What the rest of the card tells about a line."""

    locals: tuple[str, ...]
    domains: tuple[str, ...]
    height: float
    # The lines that end in a legal form.
    firms: tuple[str, ...] = ()
    # The lines that stand right above a job.
    above_jobs: frozenset[str] = frozenset()
    # The lines over smaller print, and what stands in that print.
    heads: frozenset[str] = frozenset()
    headed: frozenset[str] = frozenset()
    # What stands before the @ of a mailbox provider, which may be a firm.
    mailboxes: tuple[str, ...] = ()
    # Whether a line begins with a given name we know.
    people: bool = False


def parted(line: Line) -> list[Line]:
    """A line cut where a comma or a dash parts a name from a job, a street from a city."""
    line = replace(line, text=_ON_BEHALF.sub("", line.text))
    if "@" in line.text:
        return [line]
    cuts = list(_COMMA.finditer(line.text))
    for cut in reversed(cuts):
        before, after = line.text[: cut.start()], line.text[cut.end() :]
        if any(parts(before, after) for parts in (_two_places, _name_and_job, _job_and_firm)):
            return [*parted(replace(line, text=before)), replace(line, text=after)]
    return _job_before_name(line)


def _job_before_name(line: Line) -> list[Line]:
    """A line cut where the words of a job end and a name begins: Malermeister Karl Groß."""
    words = line.text.split()
    for at in range(1, len(words) - 1):
        job, name = " ".join(words[:at]), " ".join(words[at:])
        if is_title(words[at - 1], words[at:]) or not _could_be_name(name):
            continue
        if TITLE.search(job) and not TITLE.search(name) and _has_given_name(name):
            whole = LEGAL_FORM.search(line.text) or ORGANISATION.search(name) or len(words) - at > 5
            return [line] if whole else [replace(line, text=job), replace(line, text=name)]
    return [line]


def _job_and_firm(before: str, after: str) -> bool:
    """Whether a job stands before a comma and a firm after it."""
    job = is_job(before) and len(before.split()) <= 5 and not LEGAL_FORM.fullmatch(after)
    firm = LEGAL_FORM.search(after) or ORGANISATION.search(after) or len(after.split()) > 1
    other = TITLE.search(after) or DEPARTMENT.search(after)
    return bool(job and firm) and (bool(LEGAL_FORM.search(after)) or not other)


def _two_places(before: str, after: str) -> bool:
    kind = postal_kind(after)
    is_place = bool(postal_kind(before) or LEGAL_FORM.search(before))
    return kind in ("city", "country") and (is_place or has_house_number(before))


def has_house_number(text: str) -> bool:
    """Whether a text begins or ends with a number, as streets of every language do."""
    return bool(_HOUSE_NUMBER.search(text)) and not _REGISTER.search(text)


def may_be_street(text: str) -> bool:
    """Whether a line over a city is its street."""
    return has_house_number(text) or bool(_STREET_WORD.search(text))


def _name_and_job(before: str, after: str) -> bool:
    return _could_be_name(before) and not TITLE.search(before) and bool(TITLE.search(after))


def postal_kind(text: str) -> str:
    """Whether a text is a street, a city or a country; empty when it is no place."""
    if COUNTRY.match(text):
        return "country"
    if _REGISTER.search(text) or LEGAL_FORM.search(text):
        return ""
    if STREET.search(text):
        return "street"
    return "city" if CITY.match(text) else ""


def name_score(line: Line, clues: Clues) -> float:
    """From about -3, certainly no name, to about 6."""
    words = _bare_words(line.text)
    if not 1 <= len(words) <= 5 or not _could_be_name(line.text) or line.text.endswith("-"):
        return -3.0
    agreement = _agreement(line.text, clues)
    given = _has_given_name(line.text)
    if line.text.islower() and not given and agreement < 0.8:
        return -3.0
    score = 3.0 * agreement
    score += 1.5 * given
    score += 1.0 * _has_prefix(line.text)
    score += 0.8 if 2 <= len(words) <= 4 else -1.2
    score += _over_job(line.text, clues) if len(words) > 1 else 0.0
    score += 0.4 * _has_shouted_family(line.text)
    score += _size(line, clues)
    return score - _against_name(line.text, clues, agreement)


def organisation_score(line: Line, clues: Clues) -> float:
    """From about -3 to about 6."""
    text = line.text
    if _REGISTER.search(text) or not any(char.isalpha() for char in text):
        return -3.0
    bare = LEGAL_FORM.sub("", text).strip(" .,&-")
    legal = 3.0 if LEGAL_FORM.search(text) and bare else 0.0
    agreement = _firm_agreement(text, clues)
    score = legal + 3.0 * agreement + (1.0 if ORGANISATION.search(text) else 0.0)
    score += _size(line, clues)
    # What stands in smaller print under a name is what the person does.
    # People whose domain bears their own name are no firm.
    score -= 2.5 if not legal and is_person(text) else 0.0
    score -= 1.5 if text in clues.headed and not legal and agreement < 0.8 else 0.0
    if TITLE.search(text) and not legal and agreement < 0.8:
        score -= 2.5
    # A sentence below the name of the company is its motto.
    score -= 1.5 if len(text.split()) > 6 and not legal else 0.0
    score -= 1.0 if DEPARTMENT.search(text) and not legal and agreement < 0.9 else 0.0
    return score - (1.0 if text[:1].islower() and agreement < 0.9 else 0.0)


def _agreement(text: str, clues: Clues) -> float:
    """How far a name agrees with what stands before the @, or with a domain of one's own.

    Firms have addresses as well, so that beside a person the name of a firm agrees less.
    """
    said = max((name_and_address(text, local) for local in clues.locals), default=0.0)
    labels = [label for label in map(company_label, clues.domains) if label]
    own = any(
        name_and_address(text, f"{local}.{label}") >= 1.0
        for local in clues.locals
        for label in labels
    )
    said = 1.0 if own and said >= 0.5 else said
    if is_person(text) and any(name_and_address(text, label) >= 1.0 for label in labels):
        said = max(said, 0.5)
    return said / 2 if clues.people and not is_person(text) and not _has_prefix(text) else said


def is_person(text: str) -> bool:
    """Whether a text has the form of a name and begins with a given name we know."""
    words = _bare_words(text)
    form = 2 <= len(words) <= 5 and _could_be_name(text) and not _FUNCTION_WORD.search(text)
    return form and _has_given_name(text) and not ORGANISATION.search(text)


def _firm_agreement(text: str, clues: Clues) -> float:
    """How far a firm's name agrees with a domain, or with its mailbox at a provider."""
    said = [company_and_domain(text, domain) for domain in clues.domains]
    if ORGANISATION.search(text) or _FUNCTION_WORD.search(text) or "&" in text:
        named = text.replace("&", "and")
        mailboxes = [f"{stripped(local).replace('.', '-')}.firm" for local in clues.mailboxes]
        said += [company_and_domain(company, box) for box in mailboxes for company in (text, named)]
    return max(said, default=0.0)


def is_firm(text: str, domains: Sequence[str]) -> bool:
    """Whether a line is a firm's name by its legal form or by a domain."""
    agreement = max((company_and_domain(text, domain) for domain in domains), default=0.0)
    return bool(LEGAL_FORM.search(text)) or agreement >= 0.8


def is_whole_name(text: str, clues: Clues) -> bool:
    """Whether an address says a name of two words or more, or its family name is in capitals."""
    parts = split_name(text)
    both = bool(parts.given and parts.family)
    return both and (_has_shouted_family(text) or _agreement(text, clues) >= 0.8)


def is_name_in_doubt(text: str, clues: Clues, *, shared: bool) -> bool:
    """Whether a name is to be looked at, however many things speak for its line.

    Its words are vouched for by a given name of the list, an address or the firm; it is not one
    word alone, nor has it words of firms and jobs; and nothing follows what the address says.
    """
    parts = split_name(text)
    vouched = is_person(text) or shared or _agreement(text, clues) >= 0.5
    beyond = any(goes_beyond(text, local) for local in clues.locals)
    return beyond or has_words_of_firms(text) or not vouched or not parts.family


def has_words_of_firms(name: str) -> bool:
    """Whether a name, without titles, has words of firms or jobs in it."""
    parts = split_name(name)
    bare = f"{parts.given} {parts.family}"
    return bool(ORGANISATION.search(bare) or TITLE.search(bare))


def is_whole_firm(text: str, clues: Clues) -> bool:
    """Whether a domain says all of a firm's name and nothing else."""
    return _firm_agreement(text, clues) >= 1.0


def is_job(text: str) -> bool:
    """Whether a line tells what somebody does, and is no firm's name."""
    return bool(TITLE.search(text)) and not LEGAL_FORM.search(text)


def is_words(text: str, most: int = 6) -> bool:
    """Whether a text is a few words without a number, and no motto or firm."""
    letters = not any(char.isdigit() for char in text) and any(char.isalpha() for char in text)
    return letters and len(text.split()) <= most and not LEGAL_FORM.search(text)


def title_score(line: Line) -> float:
    """How many words of a job it has."""
    score = 2.0 * len(TITLE.findall(line.text))
    return score + (0.3 if DEPARTMENT.search(line.text) else 0.0) if score else 0.0


def _against_name(text: str, clues: Clues, agreement: float) -> float:
    against = 3.0 if LEGAL_FORM.search(text) else 0.0
    against += 3.0 if _FUNCTION_WORD.search(text) else 0.0
    if not _has_given_name(text):
        against += 2.5 if ORGANISATION.search(text) else 0.0
    if agreement < 1.0:
        against += 2.0 if TITLE.search(text) else 0.0
        against += 1.5 if DEPARTMENT.search(text) else 0.0
        against += 1.5 if ORGANISATION.search(text) and _has_given_name(text) else 0.0
        company = max((company_and_domain(text, domain) for domain in clues.domains), default=0.0)
        # A family's firm bears their name, which is no reason against whose given name we know,
        # and less of one where another line is the firm.
        weight = 1.0 if any(firm != text for firm in clues.firms) else 3.0
        if company >= 0.6 and not is_person(text):
            against += weight * company
    return against


def _has_given_name(text: str) -> bool:
    return is_given_name(next(iter(split_name(text).given.split()), ""))


def is_given_name(word: str) -> bool:
    """Whether a word is a given name of the list, or begins with one before a hyphen."""
    plain = stripped(word)
    return plain in GIVEN_NAMES or plain.partition("-")[0] in GIVEN_NAMES


def _has_prefix(text: str) -> bool:
    first, *after = text.split()
    return is_title(first, after)


def _over_job(text: str, clues: Clues) -> float:
    """Right above a job's words, or at least over smaller print."""
    return 1.0 if text in clues.above_jobs else 0.4 if text in clues.heads else 0.0


def _has_shouted_family(text: str) -> bool:
    """Anna MÜLLER or Müller, Anna: nothing but people is written so."""
    words = _bare_words(text)
    if shouted_family_first(words):
        return not LEGAL_FORM.search(text)
    shouted = [word.isupper() and len(word) > 2 for word in words]
    return ("," in text and len(words) in (2, 3)) or (
        len(words) > 1 and not shouted[0] and shouted[-1] and not LEGAL_FORM.search(text)
    )


def name_evidence(line: Line, clues: Clues) -> int:
    """How many things that do not depend on each other say that a line is a person's name."""
    agreement = _agreement(line.text, clues)
    return (
        (2 if agreement >= 1.0 else 1 if agreement >= 0.5 else 0)
        + _has_given_name(line.text)
        + _has_prefix(line.text)
        + (_over_job(line.text, clues) >= 1.0)
        + (line.text in clues.heads)
        + _has_shouted_family(line.text)
    )


def organisation_evidence(line: Line, clues: Clues) -> int:
    """How many things that do not depend on each other say that a line is a firm's whole name.

    Large print is one only beside others: it tells what is important, not what it is.
    """
    agreement = _firm_agreement(line.text, clues)
    said = 2 if agreement >= 0.9 else 1 if agreement >= 0.6 else 0
    said += 2 * bool(LEGAL_FORM.search(line.text))
    said += bool(ORGANISATION.search(line.text) and len(line.text.split()) > 1)
    large = bool(clues.height) and line.height > 1.2 * clues.height
    return said + (large and said > 0)


def _size(line: Line, clues: Clues) -> float:
    """Names and companies are written larger than the rest."""
    return max(-0.5, min(1.2, 1.5 * (line.height / clues.height - 1.0))) if clues.height else 0.0


def _could_be_name(text: str) -> bool:
    """Letters only, each word beginning with a large one (or all of them small, as is the mode)."""
    words = _bare_words(text)
    if not words or not all(_NAME_WORD.match(word) for word in words):
        return False
    beginning_large = [
        word[:1].isupper() or word.lower() in _SMALL_WORDS or bool(_ELIDED.match(word))
        for word in words
    ]
    return all(beginning_large) or (len(words) <= 3 and text.islower())


def _bare_words(text: str) -> Sequence[str]:
    """The words of a name without titles before and letters after it."""
    words = [word.strip(",") for word in text.split()]
    while words and is_title(words[0], words[1:]):
        words = words[1:]
    while len(words) > 1 and words[-1].lower() in SUFFIXES:
        words = words[:-1]
    return words
