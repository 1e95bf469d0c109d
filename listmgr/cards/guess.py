"""Which line of a card is what: facts first, then the roles of what remains, judged together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from listmgr.cards.agreement import company_label, host_of, name_and_address
from listmgr.cards.card import NOTHING, CardEmail, CardFields, Guess
from listmgr.cards.facts import Facts, facts_in
from listmgr.cards.limits import MAX_POSTAL_LINES
from listmgr.cards.lines import Line, in_reading_order
from listmgr.cards.mending import mended_email, mended_lines, mended_name
from listmgr.cards.names import split_name
from listmgr.cards.roles import (
    Clues,
    is_job,
    name_score,
    organisation_score,
    parted,
    postal_kind,
    title_score,
)
from listmgr.cards.vocabulary import (
    COUNTRIES,
    DEPARTMENT,
    LANGUAGES,
    LEGAL_FORM,
    ROLE_MAILBOXES,
)

# Below these a line says too little to be called a name or a company.
_LEAST_NAME = 1.2
_LEAST_COMPANY = 1.0


@dataclass(slots=True)
class _Roles:
    """The texts that were chosen for the roles of a card."""

    name: Guess = NOTHING
    company: Guess = NOTHING
    title: Guess = NOTHING
    department: Guess = NOTHING
    postal: tuple[Guess, ...] = ()


def guess_fields(lines: Sequence[Line], *, pictured: bool) -> CardFields:
    """The fields of one card. `pictured` says that its letters may have been misread."""
    ordered = [piece for line in in_reading_order(lines) for piece in parted(line)]
    facts = facts_in(ordered, pictured=pictured)
    if pictured:
        facts.rest = mended_lines(facts.rest, facts.emails)
    roles = _roles(facts)
    emails: Sequence[CardEmail] = facts.emails
    if pictured:
        roles.name = mended_name(roles.name, emails)
        emails = [mended_email(one, roles.name, facts.urls, roles.company) for one in emails]
    name = roles.name or _name_from(emails)
    parts = split_name(name.value)
    return CardFields(
        full_name=name,
        first_name=_part(name, parts.given),
        last_name=_part(name, parts.family),
        prefix=_part(name, parts.prefix),
        suffix=_part(name, parts.suffix),
        organisation=roles.company or _company_from(emails),
        department=roles.department,
        title=roles.title,
        emails=_personal_first(emails, name.value),
        phones=tuple(facts.phones),
        postal=roles.postal,
        urls=tuple(facts.urls),
        language=_language([line.text for line in ordered], facts),
    )


def _roles(facts: Facts) -> _Roles:
    """One line after the other is given its role, the surest roles first."""
    rest, postal = _postal(facts.rest)
    clues = _clues(facts, rest)
    roles = _Roles(postal=postal)
    roles.name, rest = _taken(rest, lambda line: name_score(line, clues), _LEAST_NAME)
    roles.company, rest = _taken(rest, lambda line: organisation_score(line, clues), _LEAST_COMPANY)
    roles.title, rest = _taken(rest, title_score, 1.0)
    department = next((line for line in rest if DEPARTMENT.search(line.text)), None)
    if department:
        roles.department = Guess(department.text, 0.7 * department.confidence, department.text)
    return roles


def _postal(lines: Sequence[Line]) -> tuple[list[Line], tuple[Guess, ...]]:
    """The lines that are places, and the others."""
    kinds = [(line, postal_kind(line.text)) for line in lines]
    has_city = any(kind == "city" for _, kind in kinds)
    places = [
        Guess(line.text, (0.9 if has_city else 0.6) * line.confidence, line.text)
        for line, kind in kinds
        if kind
    ]
    return [line for line, kind in kinds if not kind], tuple(places[:MAX_POSTAL_LINES])


def _clues(facts: Facts, rest: Sequence[Line]) -> Clues:
    addresses = [email.address.rpartition("@") for email in facts.emails]
    firms = (line.text for line in rest if LEGAL_FORM.search(line.text))
    domains = [domain for _, _, domain in addresses] + [host_of(url.value) for url in facts.urls]
    return Clues(
        locals=tuple(local for local, _, _ in addresses if local.lower() not in ROLE_MAILBOXES),
        firms=tuple(firms),
        above_jobs=frozenset(
            line.text for line, below in pairwise(rest) if line.above(below) and is_job(below.text)
        ),
        domains=tuple(dict.fromkeys(domains)),
        height=median([line.height for line in rest]) if rest else 0.0,
    )


def _taken(
    lines: list[Line], score: Callable[[Line], float], least: float
) -> tuple[Guess, list[Line]]:
    """The best line for a role (or two that belong together), and what is left for others."""
    best, best_score = None, least
    for used in _candidates(lines):
        joined = _joined(used)
        # Two lines have to be clearly better than one of them.
        found = score(joined) + (0.0 if len(used) == 1 else _bond(*used))
        if found > best_score or (found == best_score and best is None):
            best, best_score = used, found
    if best is None:
        return NOTHING, lines
    line = _joined(best)
    sure = min(0.98, 0.4 + 0.15 * best_score) * line.confidence
    return Guess(line.text, sure, line.text), [one for one in lines if one not in best]


def _bond(line: Line, below: Line) -> float:
    """What joining two lines gains or costs; a legal form below belongs to what is above it."""
    goes_on = LEGAL_FORM.match(below.text) or below.text[:1] in "&+" or line.text[-1:] in "&+-"
    return 0.5 if goes_on else -0.3


def _candidates(lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """Each line, and each two that stand one below the other in letters of about one size."""
    for number, line in enumerate(lines):
        yield (line,)
        for other in lines[number + 1 : number + 2]:
            alike = 0.7 < line.height / max(other.height, 0.01) < 1.43
            if alike and line.above(other):
                yield (line, other)


def _joined(used: Sequence[Line]) -> Line:
    if len(used) == 1:
        return used[0]
    return replace(
        used[0],
        text=" ".join(line.text for line in used),
        confidence=min(line.confidence for line in used),
    )


def _part(whole: Guess, value: str) -> Guess:
    return Guess(value, whole.confidence, whole.source) if value else NOTHING


def _personal_first(emails: Sequence[CardEmail], name: str) -> tuple[CardEmail, ...]:
    """The address that agrees with the name is preferred, before info@ and the like."""
    best = max(
        range(len(emails)),
        key=lambda number: (name_and_address(name, _local(emails[number])), -number),
        default=None,
    )
    return tuple(replace(email, preferred=n == best) for n, email in enumerate(emails))


def _local(email: CardEmail) -> str:
    return email.address.rpartition("@")[0]


def _name_from(emails: Sequence[CardEmail]) -> Guess:
    """anna.mueller@ is Anna Mueller, most probably; info@ is nobody."""
    for email in emails:
        words = [word for word in _local(email).split(".") if word.isalpha() and len(word) > 1]
        if len(words) == 2:
            return Guess(" ".join(word.capitalize() for word in words), 0.4, email.address)
    return NOTHING


def _company_from(emails: Sequence[CardEmail]) -> Guess:
    for email in emails:
        if label := company_label(email.address.rpartition("@")[2]):
            return Guess(label.replace("-", " ").title(), 0.35, email.address)
    return NOTHING


def _language(texts: Sequence[str], facts: Facts) -> Guess:
    """The language most words of the card belong to; a country decides where words do not."""
    # The ending of a domain is no word of any language.
    text = re.sub(r"\S+[@.]\S+", " ", "\n".join(texts))
    counts = {code: float(len(words.findall(text))) for code, words in LANGUAGES.items()}
    endings = {email.address.rpartition(".")[2] for email in facts.emails}
    prefixes = {phone.number.replace("(", "")[:3] for phone in facts.phones}
    for code in counts:
        counts[code] += 0.5 * bool((endings | prefixes) & COUNTRIES[code])
    best = max(counts, key=lambda code: counts[code])
    ahead = counts[best] - max(n for code, n in counts.items() if code != best)
    return Guess(best, min(0.9, 0.5 + 0.1 * ahead), "") if ahead > 0 else NOTHING
