"""Suggest what the columns of a file mean: by known program, by name, by content."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from listmgr.imports.column_names import AMBIGUOUS, NAMES, compact
from listmgr.imports.known_exports import (
    FOREIGN,
    Foreign,
    recognise,
)
from listmgr.imports.plan import MANY, Plan, Target
from listmgr.imports.readers.tables import FileInspection
from listmgr.imports.value_parsing import (
    STATUS_WORDS,
    meaning_of_name,
    plain_word,
)
from listmgr.subscribers.field_catalogue import CatalogueField

_T = Target
_ADDRESS = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+\Z")


# What no other column is likely to say.
_SURE_WORDS = frozenset(
    {"unsubscribed", "abgemeldet", "opted out", "bounced", "complained", "blocklisted", "cleaned"}
)


def suggest(
    look: FileInspection, fields: Sequence[CatalogueField], *, file_name: str, language: str
) -> Plan:
    """Return the plan to start from. It never assumes that anyone confirmed."""
    program = recognise({_plain_label(label) for label in look.columns})
    columns = _columns(look, fields, program)
    names = look.tables if look.tables != ("",) else ()
    tables = {name: meaning.value for name in names if (meaning := meaning_of_name(name))}
    if not names and (alone := meaning_of_name(file_name)) and _T.STATUS not in columns.values():
        tables[""] = alone.value
    return Plan(
        columns=columns,
        words={word: meaning.value for word, meaning in program.words.items()} if program else {},
        tables=tables,
        language=language,
        how=program.how if program else "",
        system=program.title if program else "",
        foreign=program.key if program else "",
    )


def _plain_label(label: str) -> str:
    """Normalize a column's name; any name for the address becomes `email`."""
    return "email" if NAMES.get(compact(label)) == "email" else label.strip().lower()


def foreign_title(key: str) -> str:
    """Return the title of a known program, or an empty string."""
    return next((program.title for program in FOREIGN if program.key == key), "")


def _columns(
    look: FileInspection, fields: Sequence[CatalogueField], program: Foreign | None
) -> dict[str, str]:
    allowed = {field.key for field in fields}
    names = dict(NAMES)
    for field in fields:
        names |= dict.fromkeys(map(compact, (field.label_de, field.label_en, field.key)), field.key)
    theirs = {compact(name): target for name, target in program.columns.items()} if program else {}
    names |= theirs
    columns = dict.fromkeys(look.columns, "")
    # What the program itself calls so comes before what only sounds like it.
    for label in sorted(look.columns, key=lambda label: compact(label) not in theirs):
        target = _target(look, label, names)
        is_taken = target in columns.values() and target not in MANY
        is_ours = target in allowed or target.startswith("=")
        columns[label] = str(target) if is_ours and not is_taken else ""
    if "email" not in columns.values():
        columns |= dict.fromkeys(_by_cells(look)[:1], "email")
    if _T.STATUS not in columns.values():
        columns |= dict.fromkeys(_by_status_words(look, columns)[:1], _T.STATUS.value)
    return columns


def _target(look: FileInspection, label: str, names: Mapping[str, str]) -> str:
    """Return the target a column's name stands for; try `Email` if `Email (work)` is unknown."""
    name = compact(label)
    target = names.get(name) or names.get(compact(label.partition("(")[0]), "")
    return "" if name in AMBIGUOUS and not _status_words(look, label) else target


def _status_words(look: FileInspection, label: str) -> set[str]:
    """Return the words of a column if all of them name a status, else an empty set."""
    words = {plain_word(row[label]) for row in look.rows if row.get(label)}
    return words if words <= STATUS_WORDS.keys() else set()


def _by_status_words(look: FileInspection, columns: Mapping[str, str]) -> list[str]:
    """Return the unmapped columns whose cells name a subscription status."""
    return [
        label
        for label, target in columns.items()
        if not target and _status_words(look, label) & _SURE_WORDS
    ]


def _by_cells(look: FileInspection) -> list[str]:
    """Return the columns whose cells look like addresses, the likeliest first."""

    def share(label: str) -> float:
        cells = [row[label] for row in look.rows if row.get(label)]
        return sum(bool(_ADDRESS.match(cell.strip())) for cell in cells) / max(1, len(cells))

    return sorted(
        (column for column in look.columns if share(column) > 0.5), key=share, reverse=True
    )
