"""What the index `ix_subscribers_search` knows people by, and how it is asked.

Its conditions may let through somebody who does not fit: the exact condition always stands beside.
"""

from __future__ import annotations

import re

# Shorter ones are in too many addresses: they are looked for at the beginning only.
PART_OCTETS = 3
# The index knows no more of a name.
_NAME = 100
_COLUMNS = ("first_name", "last_name", "company", "domain", "language")


def local_of(alias: str = "") -> str:
    """What stands before the domain, with the @, as SQL over a row."""
    return f"left({_of(alias, 'address_key')}, - length({_of(alias, 'domain')}))"


def parts_of(alias: str = "") -> str:
    """The indexed parts of that; `@>` is asked of them."""
    return f"text_parts({local_of(alias)})"


def terms_of(alias: str = "") -> str:
    """The indexed terms, beginnings of names and of a domain's words; `@@` is asked of them."""
    return f"search_terms({', '.join(_of(alias, name) for name in _COLUMNS)})"


def _of(alias: str, column: str) -> str:
    return f"{alias}.{column}" if alias else column


def octets(text: str) -> list[bytes]:
    """The parts the index knows a text by; none for a text that is too short."""
    told = text.encode()
    return sorted({told[at : at + PART_OCTETS] for at in range(len(told) - PART_OCTETS + 1)})


def of_domain(domain: str, *, whole: bool = False) -> str:
    """A tsquery for domains with these words in a row, the last one only begun unless `whole`.

    Empty where there is no word to ask for.
    """
    words = [_quoted(f"@{word}") for word in re.split("[.-]", domain) if word]
    # A mark at the end says that the last word is whole.
    begun = words and not whole and domain[-1] not in ".-"
    return " & ".join(words) + (":*" if begun else "")


def of_language(language: str) -> str:
    """A tsquery for a language."""
    return _quoted(f"={language}")


def of_name(bind: str, *, whole: bool = False) -> str:
    """SQL of a tsquery for names that are, or begin with, the text bound; PostgreSQL folds both."""
    text = f"left(lower(CAST({bind} AS text)), {_NAME})"
    quoted = rf"replace(replace({text}, '\', '\\'), '''', '''''')"
    end = "" if whole else ":*"
    return f"CAST('''' || {quoted} || '''{end}' AS tsquery)"


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
