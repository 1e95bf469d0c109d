"""Where the parts of a card agree: a name with its address, a company with its domain."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from listmgr.cards.parsing.vocabulary import (
    FREE_MAIL,
    LEGAL_FORM,
)

# What has no decomposition in Unicode.
_PLAIN = str.maketrans(
    {"ß": "ss", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "þ": "th", "ð": "d"}
)
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe"})
_ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("|", "l"))
_WORD = re.compile(r"[^\W\d_]+")


def spelt_out(text: str) -> str:
    """Small letters as Germans write them where there are no umlauts: Müller is mueller."""
    return stripped(text.lower().translate(_SPELT_OUT))


def stripped(text: str) -> str:
    """Small letters without their marks: Müller is muller, Zoé is zoe."""
    parted = unicodedata.normalize("NFD", text.lower().translate(_PLAIN))
    return "".join(char for char in parted if not unicodedata.combining(char))


def skeleton(text: str) -> str:
    """A text in which letters that look alike are the same."""
    text = spelt_out(text)
    for seen, meant in _ALIKE:
        text = text.replace(seen, meant)
    return text


def name_and_address(name: str, local: str) -> float:
    """How far a name and the part before the @ agree: 1 where all of it is said by the name."""
    return max(_name_says(name, local, spell) for spell in (spelt_out, stripped))


def goes_beyond(name: str, local: str) -> bool:
    """Whether more follows in a name after the last word that the part before the @ says.

    A given name alone says nothing of what follows it, and before a comma stands the family name.
    """
    pieces = set(re.split(r"[._+-]", stripped(local)))
    words = name.split()
    said = [
        number
        for number, word in enumerate(words)
        if any({stripped(part), spelt_out(part)} & pieces for part in _WORD.findall(word))
    ]
    return "," not in name and bool(said) and 0 < said[-1] < len(words) - 1


def _name_says(name: str, local: str, spell: object) -> float:
    spoken = spelt_out(name) if spell is spelt_out else stripped(name)
    words = _WORD.findall(spoken.replace("-", " "))
    pieces = [piece for piece in re.split(r"[._+-]", stripped(local)) if piece]
    if not words or not pieces:
        return 0.0
    whole = "".join(pieces).rstrip("0123456789")
    if whole in _joined(words):
        return 1.0
    glued = {
        "".join(words[n:end]) for n in range(len(words)) for end in range(n + 1, len(words) + 1)
    }
    if 1 < len(whole) < 5 and whole == "".join(word[0] for word in words):
        return 0.5 if len(whole) == 2 else 0.8
    said = [
        piece for piece in pieces if piece in glued or (len(piece) == 1 and _initial(piece, words))
    ]
    if len(said) == len(pieces) and any(len(piece) > 1 for piece in said):
        return 1.0 if len(pieces) > 1 else 0.8
    return 0.5 if any(len(piece) > 2 and piece in words for piece in pieces) else 0.0


def _initial(piece: str, words: Iterable[str]) -> bool:
    return any(word.startswith(piece) for word in words)


def _joined(words: list[str]) -> set[str]:
    """What people make of two names without a dot: amueller, annamueller, muellera, annam."""
    first, last = words[0], words[-1]
    whole = "".join(words)
    # Particles belong to the family name: jdelatour, jvandalen.
    families = {"".join(words[at:]) for at in range(1, len(words))}
    return {whole, first + last, last + first[0], last + first, first + last[0]} | {
        spelt for family in families for spelt in (first + family, first[0] + family)
    }


def host_of(url: str) -> str:
    """The host of a place of the web, without www."""
    host = re.sub(r"\Ahttps?://", "", url.lower()).partition("/")[0]
    return host.removeprefix("www.")


def company_and_domain(name: str, domain: str) -> float:
    """How far the name of a company and a domain agree."""
    label = company_label(domain)
    if not label:
        return 0.0
    bare = LEGAL_FORM.sub(" ", name).replace("&", " ")
    return max((_alike(words, label) for words in _spellings(bare) if words), default=0.0)


def company_label(domain: str) -> str:
    """The part of a domain a company chose; nothing for the providers of mailboxes."""
    labels = stripped(domain).split(".")
    label = (
        labels[-3] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[max(len(labels) - 2, 0)]
    )
    return "" if label in FREE_MAIL else label


def _spellings(name: str) -> list[list[str]]:
    return [_WORD.findall(spelt_out(name)), _WORD.findall(stripped(name))]


def _alike(words: list[str], label: str) -> float:
    """How the words of a name make up the label of a domain, the surest way first."""
    whole, plain, parts = "".join(words), label.replace("-", ""), set(label.split("-"))
    ways = (
        (1.0, whole in (plain, plain.removesuffix("s"))),
        (0.95, len(parts) > 1 and parts <= set(words)),
        (0.9, len(words) > 2 and "".join(word[0] for word in words) in {plain, *parts}),
        (0.9, len(plain) > 3 and plain in words),
        (0.8, len(plain) > 4 and whole.startswith(plain)),
        (0.8, len(whole) > 4 and plain.startswith(whole)),
        (0.8, len(words) > 1 and _begins_like(words, plain)),
        (0.6, any(len(word) > 3 and word in plain for word in words)),
        (0.5, SequenceMatcher(None, whole, plain).ratio() > 0.8),
    )
    return next((score for score, agrees in ways if agrees), 0.0)


def _begins_like(words: list[str], plain: str) -> bool:
    """Whether the first long words make up the label: Van Dalen Bouw, dalenbouw."""
    long = [word for word in words if len(word) > 3]
    return any(len(plain) > 5 and "".join(long[:n]) == plain for n in range(1, len(long) + 1))
