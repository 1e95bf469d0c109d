"""What the index `ix_subscribers_search` knows people by, and how it is asked.

Its conditions may let through somebody who does not fit: the exact condition always stands beside.
"""

from __future__ import annotations

import re

# Parts of what stands before the domain, with the @; beginnings of names and of a domain's words.
PARTS = "text_parts(left(address_key, - length(domain)))"
TERMS = "search_terms(first_name, last_name, company, domain, language)"
# Shorter ones are in too many addresses: they are looked for at the beginning only.
PART_OCTETS = 3
# The index knows no more of a name.
_NAME = 100


def parts_of(alias: str) -> str:
    """The indexed parts of a row, as SQL; `@>` is asked of them."""
    return f"text_parts({local_of(alias)})"


def local_of(alias: str) -> str:
    """What stands before the domain, with the @, as SQL."""
    return f"left({alias}.address_key, - length({alias}.domain))"


def terms_of(alias: str) -> str:
    """The indexed terms of a row, as SQL; `@@` is asked of them."""
    names = ("first_name", "last_name", "company", "domain", "language")
    return f"search_terms({', '.join(f'{alias}.{name}' for name in names)})"


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
