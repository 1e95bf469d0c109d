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
from listmgr.cards.parsing.given_names import GIVEN_NAMES
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
_SHARP_S = re.compile(r"(?<=[A-Za-zäöü][aeiouäöü])B(?=[a-zäöü]|\b)")
_UMLAUTS = (("ae", "ä"), ("oe", "ö"), ("ue", "ü"))


def mended_email(email: CardEmail, name: Guess, urls: Sequence[Guess], company: Guess) -> CardEmail:
    """The address as the name, the company and the website say it must have been."""
    local, _, domain = email.address.rpartition("@")
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
    return next((one for one in _usual(name) if skeleton(one) == alike), local)


def _usual(name: str) -> Iterator[str]:
    """The local parts that are made of a name."""
    parts = split_name(name)
    for spell in (spelt_out, stripped):
        given = re.findall(r"[^\W\d_]+", spell(parts.given))
        family = spell(parts.family).replace(" ", "")
        if not given or not family:
            continue
        first = given[0]
        for one, other in ((first, family), (first[0], family), (family, first)):
            yield from (f"{one}{between}{other}" for between in (".", "-", "_", ""))
        yield from (family, first, f"{'-'.join(given)}.{family}")


def _by_website(domain: str, urls: Sequence[Guess], company: str) -> str:
    """The domain of the website where both look alike and differ; the company casts the vote."""
    for url in urls:
        host = host_of(url.value)
        if host == domain:
            return domain
        if skeleton(host) == skeleton(domain):
            return max((domain, host), key=lambda one: _trust(one, company))
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
        replace(line, text=_parted(_SHARP_S.sub("ß", _GLUED.sub(" ", line.text)), pieces))
        for line in lines
    ]


def _pieces(emails: Sequence[CardEmail]) -> set[str]:
    """What the addresses say before the @."""
    locals_ = (email.address.partition("@")[0].lower() for email in emails)
    return {piece for one in locals_ for piece in re.split(r"[._-]", one) if len(piece) > 2}


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
                found = piece.replace(spelt, umlaut)
                return found.upper() if word.isupper() else word[:1] + found[1:]
    return word
