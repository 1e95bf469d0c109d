"""A person's name in its parts: as the card states them, or as people write names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from listmgr.cards.parsing.cross_checks import stripped
from listmgr.cards.parsing.given_names import GIVEN_NAMES
from listmgr.cards.parsing.parsed_card import (
    NOTHING,
    Guess,
)

# Academic and other titles before a name, as German, English and French cards have them.
PREFIXES = frozenset(
    {"dr", "dr.", "prof", "prof.", "professor", "dipl.-ing.", "dipl.", "ing.", "mag.", "dott."}
    | {"mr", "mr.", "mrs", "mrs.", "ms", "ms.", "miss", "herr", "frau", "hr.", "fr.", "m.", "mme"}
    | {"mme.", "mlle", "monsieur", "madame", "sir", "rer.", "nat.", "med.", "phil.", "jur.", "h.c."}
    | {"dipl.-kfm.", "dipl.-kffr.", "dipl.-inform.", "dipl.-phys.", "dipl.-wirt.-ing.", "oec."}
    | {"(fh)", "(univ.)", "(tu)", "(ba)"}
    | {"dent.", "vet.", "habil.", "dkfm.", "ddr.", "dipl.-vw.", "dipl.-oec.", "dipl.-biol."}
    | {"dipl.-päd.", "dipl.-soz.päd.", "dipl.-designer", "dipl.-designerin", "doz.", "staatl."}
    | {"mgr", "mgr.", "me", "maître", "dott", "dott.ssa", "avv.", "arch.", "geom.", "rag."}
    | {"sig.", "sig.ra", "d.", "dña.", "don", "doña", "sra.", "inż.", "inz.", "hab.", "mudr."}
    | {"judr.", "mvdr.", "bc.", "drs.", "ing", "doc.", "civ.ing."}
    | {
        "di",
        "ddi",
        "mmag.",
        "mag.a",
        "mag-a",
        "mag",
        "dra.",
        "dra",
        "eng.",
        "arq.",
        "adw.",
        "mec.",
        "sra",
        "sr",
    }
    | {"pfarrer", "pfarrerin", "pastor", "pastorin", "rev.", "col.", "cpt.", "maj.", "lt.", "lic"}
    | {"prof.ssa", "avvocato", "ingegnere", "herrn", "heer", "mevr.", "mw.", "dhr.", "stb", "wp"}
    | {"ra", "rain", "lic.", "pol.", "ir.", "dipl.-betriebsw.", "dipl.-psych.", "pd", "univ.-prof."}
)
SUFFIXES = frozenset(
    {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "phd", "ph.d.", "mba", "llm", "ll.m.", "m.a."}
    | {"msc", "m.sc.", "bsc", "b.sc.", "esq.", "md", "m.d.", "cpa", "b.a.", "m.eng.", "b.eng."}
    | {"cfa", "pmp", "b.eng", "m.eng", "(fh)", "(univ.)", "(ba)", "j.d.", "pe", "p.e.", "pe.", "rn"}
    | {"dds", "dmd", "d.d.s.", "do", "dvm", "od", "jd", "mbe", "obe", "cbe", "kc", "qc", "rdn"}
    | {"frcs", "mrcp", "frcp", "mrcvs", "mrics", "frics", "riba", "arb", "aca", "fca", "acca"}
    | {
        "fcca",
        "ceng",
        "imeche",
        "miet",
        "ba",
        "ma",
        "beng",
        "meng",
        "llb",
        "mphil",
        "csc.",
        "drsc.",
    }
    | {"edd", "psyd", "cfp", "realtor®", "bba", "ca", "mda", "dis.", "mpa", "emba", "mas", "esq"}
)
# Small words that belong to the last name.
PARTICLES = frozenset(
    {"von", "van", "vom", "zu", "zum", "zur", "de", "del", "della", "der", "den", "di", "du", "da"}
    | {"la", "le", "les", "dos", "das", "ten", "ter", "bin", "ibn", "al", "el", "af", "av", "y"}
    | {"d’", "st.", "mac", "o’", "des", "und", "auf", "am", "im", "e", "i", "ní", "ó", "uí", "nic"}
    | {
        "lo",
        "degli",
        "dei",
        "de'",
        "dell",
        "do",
        "t",
        "op",
        "ter",
        "tot",
        "zum",
        "'t",
        "mhic",
        "ua",
    }
)
_JOINING = frozenset({"e", "i", "y"})
_WORD = re.compile(r"[^\s,]+")
# Two letters at least: one with a dot is the initial of a name.
_SHORTENED = re.compile(r"[^\W\d_]{2,6}\.(?:-?[^\W\d_]+\.)*(?:ssa|ra|[aoªº])?")
# dr n. med.
_SMALL_INITIAL = re.compile(r"[a-z]\.")
# Given names are shortened as well.
_SHORT_GIVEN = frozenset({"fco.", "chr.", "joh.", "wm.", "jos.", "thos.", "chas.", "geo.", "alex."})
_LETTERS_AFTER = re.compile(r"(?:[A-Z]{2,5}|(?:[A-Za-z]{1,4}\.)+[A-Za-z]{0,3}\.?)")


@dataclass(frozen=True, slots=True)
class Name:
    """The components of a vCard's N."""

    family: str = ""
    given: str = ""
    additional: str = ""
    prefix: str = ""
    suffix: str = ""
    source: str = field(default="", kw_only=True)

    def __bool__(self) -> bool:
        """Whether it names anybody."""
        return bool(self.family or self.given)

    @property
    def whole(self) -> str:
        """The parts as one writes them one after the other."""
        parts = (self.prefix, self.given, self.additional, self.family, self.suffix)
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class NameFields:
    """The fields of a card that make up its name."""

    full: Guess = NOTHING
    first: Guess = NOTHING
    last: Guess = NOTHING
    prefix: Guess = NOTHING
    suffix: Guess = NOTHING
    unclear: bool = False


def name_of(full: Guess, parts: Name | None) -> NameFields:
    """The name by its stated parts; split by ourselves where there are none."""
    if "@" in full.value and " " not in full.value:
        # Address books without a name show the address in its place.
        full = NOTHING
    if not parts:
        return _fields(full, split_name(full.value), 0.8) if full else NameFields()
    if not parts.given and " " in parts.family:
        # All of it in the family name: what programs do that know only one field.
        parts = replace(split_name(parts.family), source=parts.source)
    unclear = _may_be_swapped(full.value, parts)
    shown = full or Guess(parts.whole, 1.0, parts.source)
    return replace(_fields(shown, parts, 0.5 if unclear else 1.0), unclear=unclear)


def split_name(text: str) -> Name:
    """A written name in its parts: titles, given names, particles and family name apart."""
    if "," in text:
        before, _, after = text.partition(",")
        if after.strip() and not all(map(_follows_comma, _WORD.findall(after))):
            return _in_order([*after.split(), *before.split()], family_words=len(before.split()))
    return _in_order(_WORD.findall(text), family_words=0)


def _follows_comma(word: str) -> bool:
    """Whether a word after a comma is a degree or letters rather than a given name."""
    letters = bool(_LETTERS_AFTER.fullmatch(word)) and stripped(word) not in GIVEN_NAMES
    return letters or _is_suffix(word)


def shouted_family_first(words: Sequence[str]) -> int:
    """How many words in capitals a name begins with that are its family name: LE GALL Jean-Yves."""
    shouted = [word.isupper() and len(word.strip(".")) > 1 for word in words]
    leading = next((at for at, is_shouted in enumerate(shouted) if not is_shouted), 0)
    first = any(len(word) > 2 for word in words[:leading]) and not any(shouted[leading:])
    return leading if first else 0


def is_title(word: str, after: Sequence[str]) -> bool:
    """Whether a word before `after` is no name: a title we know, or what is shortened like one.

    `Av. Ümit Öztürk` has a title, `Chr. Andersen` a given name; `FM Risto Koskinen` a degree.
    """
    if word.lower().rstrip(",") in PREFIXES or _SMALL_INITIAL.fullmatch(word):
        return True
    if len(after) < 2 or word.lower() in _SHORT_GIVEN:
        return False
    shouted = word.isalpha() and word.isupper() and 2 <= len(word) <= 3 and not after[0].isupper()
    return shouted or bool(_SHORTENED.fullmatch(word))


def _in_order(words: list[str], *, family_words: int) -> Name:
    first = 0
    while first < len(words) - 1 and is_title(words[first], words[first + 1 :]):
        first += 1
    last = len(words)
    while last > first + 1 and _is_suffix(words[last - 1]):
        last -= 1
    names = words[first:last]
    if not family_words and (family_words := shouted_family_first(names)):
        names = [*names[family_words:], *names[:family_words]]
    cut = len(names) - family_words if family_words else _family_begins(names)
    return Name(
        family=" ".join(names[cut:]),
        given=" ".join(names[:cut]),
        prefix=" ".join(words[:first]),
        suffix=" ".join(words[last:]),
        source=" ".join(words),
    )


def _family_begins(names: list[str]) -> int:
    """The last word and the particles before it; SHOUTED words are family names in French."""
    if len(names) < 2:
        return 0
    shouted = [name.isupper() and len(name.strip(".")) > 1 for name in names]
    if any(shouted) and not all(shouted) and not shouted[0]:
        return shouted.index(True)
    cut = len(names) - 1
    while cut > 1 and names[cut - 1].lower() in PARTICLES:
        # What joins two family names has the other one before it.
        cut -= 2 if names[cut - 1].lower() in _JOINING and cut > 2 else 1
    return cut


def _is_suffix(word: str) -> bool:
    return word.lower().strip(",") in SUFFIXES


def _may_be_swapped(full: str, parts: Name) -> bool:
    """Whether the family name comes first in the whole name and nothing tells why."""
    both = bool(parts.family and parts.given)
    return (
        both and "," not in full and full.casefold() == f"{parts.family} {parts.given}".casefold()
    )


def _fields(full: Guess, parts: Name, confidence: float) -> NameFields:
    def part(value: str) -> Guess:
        return (
            Guess(value, confidence * (full.confidence or 1.0), full.source) if value else NOTHING
        )

    given = " ".join(name for name in (parts.given, parts.additional) if name)
    return NameFields(full, part(given), part(parts.family), part(parts.prefix), part(parts.suffix))
