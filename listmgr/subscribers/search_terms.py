"""The terms in the index `ix_subscribers_search` and queries for them.

Index conditions may match too much: the exact condition must always accompany them.
"""

from __future__ import annotations

import re

# Shorter ones are in too many addresses: they are looked for at the beginning only.
PART_OCTETS = 3
# The index knows no more of a name.
_NAME = 100
_COLUMNS = ("first_name", "last_name", "company", "domain", "language")


def local_of(alias: str = "") -> str:
    """Return the SQL of the local part with the @."""
    return f"left({_of(alias, 'address_key')}, - length({_of(alias, 'domain')}))"


def parts_of(alias: str = "") -> str:
    """Return the SQL of its indexed parts, for `@>`."""
    return f"text_parts({local_of(alias)})"


def terms_of(alias: str = "") -> str:
    """Return the SQL of the indexed terms, prefixes of names and of domain labels, for `@@`."""
    return f"search_terms({', '.join(_of(alias, name) for name in _COLUMNS)})"


def _of(alias: str, column: str) -> str:
    return f"{alias}.{column}" if alias else column


def octets(text: str) -> list[bytes]:
    """Return the parts a text is indexed by; none if it is too short."""
    encoded = text.encode()
    return sorted({encoded[at : at + PART_OCTETS] for at in range(len(encoded) - PART_OCTETS + 1)})


def of_domain(domain: str, *, whole: bool = False) -> str:
    """Return a tsquery for domains with these labels in sequence; the last one as a prefix unless
    `whole`.

    Empty if there is no label to search for.
    """
    words = [_quoted(f"@{word}") for word in re.split("[.-]", domain) if word]
    # A mark at the end says that the last word is whole.
    begun = words and not whole and domain[-1] not in ".-"
    return " & ".join(words) + (":*" if begun else "")


def of_language(language: str) -> str:
    """Return a tsquery for a language."""
    return _quoted(f"={language}")


def of_name(bind: str, *, whole: bool = False) -> str:
    """Return the SQL of a tsquery for names equal to or starting with the bound text; PostgreSQL
    folds case.
    """
    text = f"left(lower(CAST({bind} AS text)), {_NAME})"
    quoted = rf"replace(replace({text}, '\', '\\'), '''', '''''')"
    end = "" if whole else ":*"
    return f"CAST('''' || {quoted} || '''{end}' AS tsquery)"


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
