"""Letters a reader of pictures mistook, put right where another part of the card says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from listmgr.cards.parsing.cross_checks import (
    company_and_domain,
    host_of,
    name_and_address,
    skeleton,
    spelt_out,
    stripped,
)
from listmgr.cards.parsing.email_fields import valid_address
from listmgr.cards.parsing.given_names import GIVEN_NAMES, spellings
from listmgr.cards.parsing.names import split_name
from listmgr.cards.parsing.parsed_card import (
    CardEmail,
    Guess,
)
from listmgr.cards.parsing.reading_order import Line

# Changed by us: never as sure as what was read.
_MENDED = 0.7
# Latin letters with and without marks, small and large.
_SMALL = "".join(chr(code) for code in range(0x61, 0x250) if chr(code).islower())
_LARGE = "".join(chr(code) for code in range(0x41, 0x250) if chr(code).isupper())
_GLUED = re.compile(
    rf"(?<=[{_SMALL}]{{3}})(?=[{_LARGE}][{_SMALL}]{{2,}}|(?:GmbH|AG|KG|UG|LLP|LLC|Ltd|Inc|PLC|SARL|SAS|SA)\b)"
)
# Words of their own that were read as one with what follows or goes before.
_GLUED_O = re.compile(rf"(?<=[{_SMALL}])(?=Ó\s)|(?<=\bN[íi])(?=[{_LARGE}])|(?<=\bMª)(?=[{_LARGE}])")
# No blank follows the apostrophe within a name.
_APOSTROPHE = re.compile(rf"(\b(?:[DdLlOo]|[Dd]ell))[´`'’] ?(?=[{_LARGE}])")
# A small l, which many typefaces draw like a large I: within a word, and the reverse at its start.
_SMALL_L = re.compile(rf"(?<=[{_LARGE}{_SMALL}])(?<!\bMc)(?<!\bMac)I(?=[{_SMALL}])")
_LARGE_I = re.compile(r"\Al(?=[^\W\d_A-Z]{3,}\s(?:& )?[A-Z])")
# Capitals whose marks make them be taken for small letters: SZCZEPAńSKA.
_SHOUTED_BUT_MARKS = re.compile(
    r"\b[A-ZÀ-ÞŁŚŻŹĆŃ]{3,}[à-ÿāăąćĉčďđēęěğįłńňőřśşšťůűźżž][A-ZÀ-ÞŁŚŻŹĆŃ]*\b"
)
# The letters of legal forms that are read as figures or capitals.
_FORMS = (
    (re.compile(r"\b([Ss]\. ?(?:à ?)?r\. ?)[Ii1|](?=\.|\Z)"), r"\1l"),
    (re.compile(r"\b(s\. ?r\. ?)0(?=\.)"), r"\1o"),
    (re.compile(r"\b([Ss]p\. ?z ?)[0o]\. ?[0o](?=\.|\Z)"), r"\1o.o"),
)
_SMALL_I = re.compile(r"I(?=[a-z])")
_CUT_ADDRESS = re.compile(r"\S@(?:\S*[-.])?\Z")
_REST_OF_ADDRESS = re.compile(r"(?:[\w-]+\.)*[a-z]{2,}\Z")
_SHARP_S = re.compile(r"(?<=[A-Za-zäöü][aeiouäöü])B(?=[a-zäöü]|\b)")
_UMLAUTS = (("ae", "ä"), ("oe", "ö"), ("ue", "ü"))


def mended_email(email: CardEmail, name: Guess, urls: Sequence[Guess], company: Guess) -> CardEmail:
    """The address as the name, the company and the website say it must have been."""
    local, _, domain = email.address.rpartition("@")
    plain = _SMALL_I.sub("l", local)
    if plain != local and not re.search(r"\bI", name.value):
        local = plain
    better = _by_name(local, name.value), _by_website(domain, urls, company.value)
    address = valid_address("@".join(better))
    if address is None or address == email.address:
        return email
    return replace(email, address=address, confidence=min(email.confidence, _MENDED))


def _by_name(local: str, name: str) -> str:
    """The local part that looks just like this one and agrees with the name."""
    if not name or name_and_address(name, local) >= 0.8:
        return local
    alike = skeleton(local)
    return next((usual for usual in _usual(name) if skeleton(usual) == alike), local)


def _usual(name: str) -> Iterator[str]:
    """The local parts that are made of a name."""
    parts = split_name(name)
    for spell in (spelt_out, stripped):
        given = re.findall(r"[^\W\d_]+", spell(parts.given))
        family = spell(parts.family).replace(" ", "")
        if not given or not family:
            continue
        first = given[0]
        for start, other in ((first, family), (first[0], family), (family, first)):
            yield from (f"{start}{between}{other}" for between in (".", "-", "_", ""))
        yield from (family, first, f"{'-'.join(given)}.{family}")


def _by_website(domain: str, urls: Sequence[Guess], company: str) -> str:
    """The domain of the website where both look alike and differ; the company casts the vote."""
    for url in urls:
        host = host_of(url.value)
        if host == domain:
            return domain
        if skeleton(host) == skeleton(domain):
            return max((domain, host), key=lambda name: _trust(name, company))
    return domain


def _trust(domain: str, company: str) -> tuple[float, int]:
    odd = len(re.findall(r"[01|]|rn|vv", domain))
    return (company_and_domain(company, domain) if company else 0.0, -odd)


def mended_name(name: Guess, emails: Sequence[CardEmail]) -> Guess:
    """Umlauts that lost their dots, where the address spells them out: Muller, a.mueller@."""
    pieces = _pieces(emails)
    mended = " ".join(_with_umlaut(word, pieces) for word in name.value.split(" "))
    if mended == name.value:
        return name
    return replace(name, value=mended, confidence=min(name.confidence, _MENDED))


def mended_lines(lines: Sequence[Line], emails: Sequence[CardEmail]) -> list[Line]:
    """Blanks that only large letters or the address still show, and ß that was read as B."""
    pieces = _pieces(emails)
    return [
        replace(line, text=_parted(_SHARP_S.sub("ß", _GLUED.sub(" ", _letters(line.text))), pieces))
        for line in lines
    ]


def _letters(text: str) -> str:
    """Letters that look alike as the word they stand in must have them."""
    text = _GLUED_O.sub(" ", _APOSTROPHE.sub(r"\1'", text))
    text = _LARGE_I.sub("I", _SMALL_L.sub("l", text))
    text = _SHOUTED_BUT_MARKS.sub(lambda word: word[0].upper(), text)
    for form, meant in _FORMS:
        text = form.sub(meant, text)
    return text


# Where a reader of pictures does not see a blank: after dots and commas, beside numbers, between
# small particles and the name that follows.
_BLANKS = (
    re.compile(rf"(?<=[{_SMALL})][.,])(?=[{_LARGE}][{_SMALL}])"),
    re.compile(rf"(?<=\b[{_LARGE}]\.)(?=(?:[{_LARGE}]\. ?)?[{_LARGE}][{_SMALL}]{{2}})"),
    re.compile(rf"(?<=\b\d{{4}})(?=[{_LARGE}][{_SMALL}])|(?<=\b\d{{5}})(?=[{_LARGE}][{_SMALL}])"),
    re.compile(rf"(?<=[{_SMALL}ß]{{4}})(?=\d)"),
    re.compile(
        rf"(?<=\bde)(?=[{_LARGE}])|(?<=\bla)(?=[{_LARGE}])|(?<=\bdi)(?=[{_LARGE}])"
        rf"|(?<=\bv[ao]n)(?=[{_LARGE}]|de[rn]?\b|de[rn]?[{_LARGE}])|(?<=\bde[rnl])(?=[{_LARGE}])"
        rf"|(?<=\bzu)(?=[{_LARGE}])"
    ),
)


def with_blanks(lines: Sequence[Line]) -> list[Line]:
    """The lines of a picture with the blanks that were not seen; addresses are left as they are."""
    return [
        line if re.search(r"@|www|://", line.text) else replace(line, text=_parted_words(line.text))
        for line in lines
    ]


def _parted_words(text: str) -> str:
    for blank in _BLANKS:
        text = blank.sub(" ", text)
    return text


def with_whole_addresses(lines: Sequence[Line]) -> list[Line]:
    """The lines with an address that was broken at its hyphen or dot in one of them."""
    whole: list[Line] = []
    for line in lines:
        above = whole[-1] if whole else line
        if (
            above.above(line)
            and _CUT_ADDRESS.search(above.text)
            and _REST_OF_ADDRESS.fullmatch(line.text)
        ):
            sure = min(_MENDED, above.confidence, line.confidence)
            whole[-1] = replace(
                above, text=above.text + line.text, bottom=line.bottom, confidence=sure
            )
        else:
            whole.append(line)
    return whole


def mended_given_names(name: Guess, others: Sequence[str]) -> Guess:
    """A given name that is never spelt as it was read: Asa is Åsa where marks are printed."""
    given = split_name(name.value).given.split()
    odd = {word: forms for word in given if (forms := _other_spellings(word))}
    if not odd:
        return name
    better = name.value
    if any(not text.isascii() for text in (name.value, *others)):
        for word, forms in odd.items():
            form = next(iter(forms))
            # Who has no marks writes them out: Laerke, Juergen.
            written_out = spelt_out(form) == word.lower() != stripped(form)
            if len(forms) == 1 and word.isascii() and not written_out:
                better = better.replace(word, _in_case_of(word, form), 1)
    return replace(name, value=better, confidence=min(name.confidence, _MENDED))


def _other_spellings(word: str) -> set[str]:
    """The spellings of a given name, or of one before a hyphen, if this is none of them."""
    first, hyphen, rest = word.partition("-")
    forms = spellings(first)
    if not first.isascii() or any(form.isascii() for form in forms):
        return set()
    return {form + hyphen + rest.lower() for form in forms}


def _in_case_of(word: str, small: str) -> str:
    return small.upper() if word.isupper() else "-".join(map(str.capitalize, small.split("-")))


# Letters beyond those of Western Europe: one word of ten that has some is misread.
_HARD = re.compile(r"[\u0100-\u0151\u0154-\u024f\u1e00-\u1effðþ]")
# Blanks within a name may have been lost: LoCascio, DiStefano, but not McAllister.
_CAMEL = re.compile(rf"(?<!\bMc)(?<!\bMac)(?<!\bFitz)(?<=[{_SMALL}])[{_LARGE}]")
_VOWEL = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýāēīōūąęėįųıœőűůě]")


def is_hard_to_read(text: str, *, name: bool) -> bool:
    """Whether letters of a text are often misread and nothing tells whether they were."""
    parts = split_name(text)
    bare = f"{parts.given} {parts.family}" if name else text
    words = re.findall(r"[^\W\d_]+", bare.lower())
    hard = any(_HARD.search(word) and word not in spellings(word) for word in words)
    mute = any(len(word) > 1 and not _VOWEL.search(word) for word in words)
    return hard or (name and (mute or bool(_CAMEL.search(bare))))


def _pieces(emails: Sequence[CardEmail]) -> set[str]:
    """What the addresses say before the @."""
    locals_ = (email.address.partition("@")[0].lower() for email in emails)
    return {piece for local in locals_ for piece in re.split(r"[._-]", local) if len(piece) > 2}


def _parted(name: str, pieces: set[str]) -> str:
    """First and last name whose blank was not seen: BÄRBELJÄGER, baerbel.jaeger@."""
    if " " in name or not pieces:
        return name
    for cut in range(2, len(name) - 1):
        first, last = name[:cut], name[cut:]
        if _is_said(last, pieces) and (_is_said(first, pieces) or stripped(first) in GIVEN_NAMES):
            return f"{first} {last}"
    return name


def _is_said(name: str, pieces: set[str]) -> bool:
    parts = name.split("-")
    return any({spell(part) for part in parts} <= pieces for spell in (spelt_out, stripped))


def _with_umlaut(word: str, pieces: set[str]) -> str:
    plain = word.lower()
    if not plain.isascii():
        return word
    for piece in pieces:
        for spelt, umlaut in _UMLAUTS:
            if (
                spelt in piece
                and piece.replace(spelt, umlaut) != plain
                and (stripped(piece.replace(spelt, umlaut)) == plain)
            ):
                spelling = piece.replace(spelt, umlaut)
                return spelling.upper() if word.isupper() else word[:1] + spelling[1:]
    return word
