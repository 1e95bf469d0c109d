"""Which line of a card is what: facts first, then the roles of what remains, judged together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from listmgr.cards.parsing.cross_checks import (
    company_label,
    host_of,
    name_and_address,
    stripped,
)
from listmgr.cards.parsing.layout import goes_on, heads, same_size
from listmgr.cards.parsing.limits import MAX_POSTAL_LINES
from listmgr.cards.parsing.line_scores import (
    Clues,
    has_words_of_firms,
    is_firm,
    is_job,
    is_name_in_doubt,
    is_person,
    is_whole_firm,
    is_whole_name,
    is_words,
    may_be_street,
    name_evidence,
    name_score,
    organisation_evidence,
    organisation_score,
    parted,
    postal_kind,
    title_score,
)
from listmgr.cards.parsing.names import PARTICLES, split_name
from listmgr.cards.parsing.ocr_correction import (
    is_hard_to_read,
    mended_email,
    mended_given_names,
    mended_lines,
    mended_name,
    with_blanks,
    with_whole_addresses,
)
from listmgr.cards.parsing.parsed_card import NOTHING, CardEmail, CardFields, Guess
from listmgr.cards.parsing.patterns import Facts, facts_in
from listmgr.cards.parsing.reading_order import Line, in_reading_order
from listmgr.cards.parsing.vocabulary import (
    COUNTRIES,
    DEPARTMENT,
    LANGUAGES,
    LEGAL_FORM,
    ROLE_MAILBOXES,
)

# Below these a line says too little to be called a name or a company.
_LEAST_NAME = 0.8
_LEAST_COMPANY = 0.3


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
    ordered = in_reading_order(lines)
    if pictured:
        ordered = with_blanks(with_whole_addresses(ordered))
    ordered = [piece for line in ordered for piece in parted(line)]
    facts = facts_in(ordered, pictured=pictured)
    if pictured:
        facts.rest = mended_lines(facts.rest, facts.emails)
    roles = _roles(facts)
    emails: Sequence[CardEmail] = facts.emails
    if pictured:
        roles.name = mended_name(roles.name, emails)
        roles.company = _looked_at(roles.company, name=False)
        roles.name = _looked_at(roles.name, name=True)
        roles.name = mended_given_names(roles.name, [line.text for line in facts.rest])
        emails = [mended_email(email, roles.name, facts.urls, roles.company) for email in emails]
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


def _looked_at(read: Guess, *, name: bool) -> Guess:
    """What a picture said, less sure where its letters are often misread."""
    hard = is_hard_to_read(read.value, name=name)
    return replace(read, confidence=min(read.confidence, _DOUBTFUL)) if hard else read


def _roles(facts: Facts) -> _Roles:
    """Name and company are chosen together, so that neither takes what is the other's."""
    rest, postal = _postal(facts.rest)
    clues = _clues(facts, rest)
    roles = _Roles(postal=postal)
    name, company = _name_and_company(rest, clues)
    shared = int(_bears_name(company, name))
    left = [line for line in rest if line not in (*name, *company)]
    roles.title, left = _title(left, name)
    unnamed = [line for line in rest if line not in name and not is_firm(line.text, clues.domains)]
    roles.name = _as_sure(name, _NAME, left, clues, shared)
    large = bool(name) and name[-1].height > _LARGE * clues.height
    whole = large and is_whole_name(roles.name.value, clues)
    if large and not whole and any(_may_go_on(line, name) for line in unnamed):
        # The other half may have been taken for a job.
        roles.name = replace(roles.name, confidence=min(roles.name.confidence, _DOUBTFUL))
    if name and is_name_in_doubt(roles.name.value, clues, shared=bool(shared)):
        sure = min(roles.name.confidence, _DOUBTFUL)
        roles.name = replace(roles.name, confidence=sure)
    roles.company = _as_sure(company, _COMPANY, left, clues, shared)
    if has_words_of_firms(roles.name.value):
        # Two columns may have been read as one line, in which both lack a half.
        sure = min(roles.company.confidence, _DOUBTFUL)
        roles.company = replace(roles.company, confidence=sure)
    if not name:
        # The person may stand in what was taken for the firm.
        roles.company = replace(roles.company, confidence=_DOUBTFUL * roles.company.confidence)
    department = next((line for line in left if DEPARTMENT.search(line.text)), None)
    if department:
        roles.department = Guess(department.text, 0.7 * department.confidence, department.text)
    return roles


def _postal(lines: Sequence[Line]) -> tuple[list[Line], tuple[Guess, ...]]:
    """The lines that are places, and the others."""
    kinds = [postal_kind(line.text) for line in lines]
    for number, (above, line) in enumerate(pairwise(lines)):
        # Over the city stands the street, in whatever language it is called one.
        over = above.above(line) or above.beside(line)
        if kinds[number + 1] == "city" and not kinds[number] and over:
            kinds[number] = "street" if may_be_street(above.text) else ""
    has_city = "city" in kinds
    places = [
        Guess(line.text, (0.9 if has_city else 0.6) * line.confidence, line.text)
        for line, kind in zip(lines, kinds, strict=True)
        if kind
    ]
    rest = [line for line, kind in zip(lines, kinds, strict=True) if not kind]
    return rest, tuple(places[:MAX_POSTAL_LINES])


def _clues(facts: Facts, rest: Sequence[Line]) -> Clues:
    addresses = [email.address.rpartition("@") for email in facts.emails]
    domains = [domain for _, _, domain in addresses] + [host_of(url.value) for url in facts.urls]
    over = [(line, below) for line, below in pairwise(rest) if heads(line, below)]
    heights = facts.heights or [line.height for line in rest]
    return Clues(
        locals=tuple(local for local, _, _ in addresses if local.lower() not in ROLE_MAILBOXES),
        firms=tuple(line.text for line in rest if is_firm(line.text, domains)),
        above_jobs=frozenset(
            line.text for line, below in pairwise(rest) if line.above(below) and is_job(below.text)
        ),
        heads=frozenset(line.text for line, _ in over),
        people=any(is_person(line.text) for line in rest),
        headed=frozenset(below.text for _, below in over),
        domains=tuple(dict.fromkeys(domains)),
        mailboxes=tuple(local for local, _, domain in addresses if not company_label(domain)),
        height=median(heights) if heights else 0.0,
    )


_Lines = tuple[Line, ...]


def _name_and_company(rest: Sequence[Line], clues: Clues) -> tuple[_Lines, _Lines]:
    """The two that together score best without sharing a line; either may be none."""
    candidates = list(_candidates(rest))
    names = _scored(candidates, _NAME, clues)
    firms = _scored(candidates, _COMPANY, clues)
    pairs = (
        (score + other + _SAME_FAMILY * _bears_name(firm, name), name, firm)
        for name, score in names
        for firm, other in firms
        if not any(line in firm for line in name)
    )
    _, name, firm = max(pairs, key=lambda pair: pair[0])
    return name, _whole_firm(firm, candidates, name)


def _whole_firm(firm: _Lines, candidates: Sequence[_Lines], name: _Lines) -> _Lines:
    """The line with the whole name of a firm in place of its mark: Farmavit, Farmavit S.r.l."""
    if not firm or LEGAL_FORM.search(_joined(firm).text):
        return firm
    mark = _joined(firm).text
    longer = (
        candidate
        for candidate in candidates
        if not any(line in firm or line in name for line in candidate)
        and _begins_with(text := _joined(candidate).text, mark)
        and LEGAL_FORM.search(text)
        and not any(char.isdigit() for char in text)
    )
    return min(longer, key=lambda candidate: len(_joined(candidate).text), default=firm)


# A firm that bears the family name of the person is one more reason for both.
_SAME_FAMILY = 0.6


def _bears_name(firm: _Lines, name: _Lines) -> bool:
    if not firm or not name:
        return False
    family = split_name(_joined(name).text).family.casefold()
    return family in _joined(firm).text.casefold().split()


def _scored(candidates: Sequence[_Lines], role: _Role, clues: Clues) -> list[tuple[_Lines, float]]:
    """Each candidate that scores more than what is no answer, and no answer itself."""
    scored: list[tuple[_Lines, float]] = [((), 0.0)]
    for used in candidates:
        if len(used) > 2 and _begins_with(used[-1].text, _joined(used[:-1]).text):
            continue
        joined = sum(role.bond(line, below, clues) for line, below in pairwise(used))
        above_least = role.score(_joined(used), clues) + joined - role.least
        if above_least > 0:
            scored.append((used, above_least))
    return scored


def _firm_bond(line: Line, below: Line, clues: Clues) -> float:
    """What joining two lines gains or costs; a legal form below belongs to what is above it."""
    if _UNENDED.search(line.text):
        return 2.0
    if _is_legal_form(below.text) or below.text[:1] in "&+":
        return 0.5
    if _are_two_things(line.text, below.text):
        return -4.0
    jobs = is_job(below.text) or is_job(line.text)
    if jobs or not (goes_on(line, below) and is_words(f"{line.text} {below.text}", most=8)):
        return -0.5
    return _mark_bond(line, below, clues)


def _mark_bond(line: Line, below: Line, clues: Clues) -> float:
    """Only in marks, which are large, do names of firms take two lines of whole words."""
    # What is named by a domain goes on only where nothing tells the lines apart.
    play = _SAME if is_whole_firm(line.text, clues) else _ALIKE
    if not same_size(line, below, play):
        return 0.0 if play is _ALIKE else -0.5
    large = clues.height and min(line.height, below.height) > _LARGE * clues.height
    return 1.0 if large else -0.5


def _are_two_things(text: str, below: str) -> bool:
    """Whether a name has ended, is a person's, or one is the mark and the other the whole name."""
    ended = _has_ended(text) or (is_person(text) and not LEGAL_FORM.search(below))
    return ended or _begins_with(below, text) or _begins_with(text, below)


def _has_ended(text: str) -> bool:
    """Whether a firm's name is over with its legal form; after `& Sons` a trade may follow."""
    return any(not form[0].startswith("&") for form in LEGAL_FORM.finditer(text))


def _is_legal_form(text: str) -> bool:
    """Whether a line is nothing but a legal form, or begins with one that ends a name."""
    form = LEGAL_FORM.match(text)
    return form is not None and len(text[form.end() :].split()) < 3


def _begins_with(text: str, mark: str) -> bool:
    """Whether a text begins with the words of a mark, whatever their case and legal form."""
    words = re.findall(r"\w+", stripped(text))
    first = re.findall(r"\w+", stripped(LEGAL_FORM.sub(" ", mark)))
    return bool(first) and words[: len(first)] == first


_LARGE = 1.15
_SAME, _ALIKE, _ANY = (0.9, 1.11), (0.8, 1.25), (0.0, 9.0)
# After these more must follow.
_UNENDED = re.compile(r"[&+-]\Z|\s(?:und|and|et|y|e|i|og|och|für|for|of|de|des|du|di|della|van)\Z")


def _name_bond(line: Line, below: Line, clues: Clues) -> float:
    """Names take two lines where they are large: one is not done, or both are set alike."""
    if not goes_on(line, below):
        return -1.0
    last = line.text.split()[-1]
    if last.lower() in PARTICLES or last.endswith("-"):
        return 1.5
    large = clues.height and min(line.height, below.height) > _LARGE * clues.height
    other = is_job(below.text) or is_person(below.text) or is_firm(below.text, clues.domains)
    whole = is_whole_name(line.text, clues)
    if large and not (other or whole) and same_size(line, below) and len(below.text.split()) < 3:
        return 0.5
    return -0.3


@dataclass(frozen=True, slots=True)
class _Role:
    """How lines are judged for a role: how likely, why, joined to which, and from where on."""

    score: Callable[[Line, Clues], float]
    evidence: Callable[[Line, Clues], int]
    bond: Callable[[Line, Line, Clues], float]
    least: float


_NAME = _Role(name_score, name_evidence, _name_bond, _LEAST_NAME)
_COMPANY = _Role(organisation_score, organisation_evidence, _firm_bond, _LEAST_COMPANY)


def _candidates(lines: Sequence[Line]) -> Iterator[_Lines]:
    """Each line, and two or three that stand one below the other in letters of about one size."""
    for line in lines:
        used = [line]
        yield (line,)
        while len(used) < _MOST_JOINED and (below := _next_below(used[-1], lines)):
            if not 0.7 < used[-1].height / max(below.height, 0.01) < 1.43:
                break
            used.append(below)
            yield tuple(used)


_MOST_JOINED = 3


def _next_below(line: Line, lines: Sequence[Line]) -> Line | None:
    """The line right below one, wherever it comes in the order in which the card is read."""
    under = (below for below in lines if below.top > line.top and line.above(below))
    return min(under, key=lambda line: line.top, default=None)


_BROKEN = re.compile(r"(?<=\w)- (?=[^\W\d_a-z])")


def _joined(used: Sequence[Line]) -> Line:
    if len(used) == 1:
        return used[0]
    return replace(
        used[0],
        # A word that is broken at its own hyphen goes on without a blank.
        text=_BROKEN.sub("-", " ".join(line.text for line in used)),
        confidence=min(line.confidence for line in used),
    )


# How sure we are when so many things, none of which follows from another, say the same.
_SURE = (0.4, 0.6, 0.8, 0.9, 0.95, 0.98)


def _as_sure(used: _Lines, role: _Role, others: Sequence[Line], clues: Clues, shared: int) -> Guess:
    """The text, as sure as the evidence for it is independent and nothing else is as likely."""
    if not used:
        return NOTHING
    line = _joined(used)
    rival = max((role.score(other, clues) for other in others), default=-3.0)
    alone = rival < role.least
    sure = _SURE[min(role.evidence(line, clues) + shared + alone, len(_SURE) - 1)]
    near = rival > role.score(line, clues) - _CLEAR
    near = near or line.confidence < _LEGIBLE
    # What a domain says goes on only in letters of just that size.
    alike = _SAME if is_whole_firm(line.text, clues) else _ANY
    open_end = any(
        _may_go_on(other, used) and same_size(other, used[-1], alike) for other in others
    )
    loose = any(role.bond(other, below, clues) < 0 for other, below in pairwise(used))
    if near or loose or len(line.text.split()) > 8 or open_end:
        sure = min(sure, _DOUBTFUL)
    # One doubtful letter makes another name, so that doubt of the letters weighs more than once.
    return Guess(line.text, sure * line.confidence**3, line.text)


# Another line that is nearly as likely, or that may be the other half: look twice.
_CLEAR = 0.5
_DOUBTFUL = 0.7
# Lines the reader of the picture is less sure of have a wrong letter more often than not.
_LEGIBLE = 0.95


def _may_go_on(line: Line, used: _Lines) -> bool:
    """Whether a line may be the beginning or the end of the lines that were taken."""
    if any(char.isdigit() for char in line.text) or is_job(line.text):
        return False
    ended = _has_ended(used[-1].text)
    return goes_on(line, used[0]) or (not ended and goes_on(used[-1], line))


def _title(lines: list[Line], name: _Lines) -> tuple[Guess, list[Line]]:
    """The line with a job's words, or the one in smaller print under the name."""
    scored = [(title_score(line), -number) for number, line in enumerate(lines)]
    best, at = max(scored, default=(0.0, 0))
    if best >= 1.0:
        line, sure = lines[-at], min(0.98, 0.4 + 0.15 * best)
    else:
        under = (line for line in lines if name and name[-1].above(line) and is_words(line.text))
        below = next(under, None)
        if below is None:
            return NOTHING, lines
        line, sure = below, 0.6
    taken = Guess(line.text, sure * line.confidence, line.text)
    return taken, [other for other in lines if other is not line]


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
