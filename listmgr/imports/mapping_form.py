"""Validate what an operator entered about a file: columns, words, declaration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from listmgr.imports.control import Declaration
from listmgr.imports.plan import MANY, Plan, Target, Update
from listmgr.imports.row_outcomes import Meaning
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.kit.validation import Validator
from listmgr.languages import LANGUAGES
from listmgr.lists.purposes import open_purposes
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    LegalBasis,
)

_T = Target


@dataclass(frozen=True, slots=True)
class Description:
    """The submitted form; `columns`, `words` and `tables` are keyed by their names in the file."""

    columns: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    purpose_id: int = 0
    language: str = "de"
    update: str = "fill"
    confirm: bool = False
    how: str = ""
    wording: str = ""
    system: str = ""
    source: str = ""
    basis: str = ""
    statement: str = ""
    foreign: str = ""


@dataclass(frozen=True, slots=True)
class ValidMapping:
    """The validated form, as `control.describe` takes it."""

    plan: Plan
    purpose_id: int
    declared: Declaration


def checked(
    session: Session, description: Description, fields: Sequence[CatalogueField]
) -> ValidMapping:
    """Return the plan and the declaration. Raises InvalidInput naming every invalid field."""
    typed = Validator()
    _columns(typed, description, {item.key for item in fields})
    _choices(typed, description)
    if not any(
        item.id == description.purpose_id and item.notices for item in open_purposes(session)
    ):
        typed.wrong["purpose_id"] = N_("Choose a purpose with a published consent text.")
    declared = Declaration(
        source=typed.line(
            "source", description.source, missing=N_("Describe where these people come from.")
        ),
        basis=description.basis,
        statement=typed.text(
            "statement",
            description.statement,
            missing=N_("Describe where these people come from and confirm it."),
        ),
    )
    plan = Plan(
        columns=dict(description.columns),
        words={word: meaning for word, meaning in description.words.items() if meaning},
        tables={name: meaning for name, meaning in description.tables.items() if meaning},
        language=description.language,
        update=Update(description.update) if description.update in set(Update) else Update.FILL,
        confirm=description.confirm,
        how=typed.line("how", description.how),
        wording=typed.text("wording", description.wording, limit=5000),
        system=typed.line("system", description.system),
        foreign=description.foreign,
    )
    typed.done()
    return ValidMapping(plan, description.purpose_id, declared)


def _columns(typed: Validator, description: Description, allowed: set[str]) -> None:
    counts = Counter(target for target in description.columns.values() if target)
    twice = {target for target, count in counts.items() if count > 1 and target not in MANY}
    for label, target in description.columns.items():
        if target in twice:
            typed.wrong[f"column {label}"] = N_("Only one column can be this.")
        elif target and target not in allowed and target not in set(Target):
            typed.wrong[f"column {label}"] = N_("There is no such field.")
    if "email" not in counts:
        typed.wrong["columns"] = N_("Choose the column of the e-mail addresses.")
    if description.confirm and _T.AGREED_AT not in counts:
        typed.wrong["confirm"] = N_("Choose the column with the time when each person agreed.")
    elif description.confirm and not counts.keys() & {_T.IP, _T.PROOF}:
        typed.wrong["confirm"] = N_(
            "Choose the column with network addresses, or with other proof of each act."
        )


def _choices(typed: Validator, description: Description) -> None:
    for meaning in (*description.words.values(), *description.tables.values()):
        if meaning and meaning not in set(Meaning):
            raise InvalidInput(N_("There is no such choice."))
    if description.language not in LANGUAGES:
        typed.wrong["language"] = N_("Choose a language.")
    if description.basis not in set(LegalBasis):
        typed.wrong["basis"] = N_("Choose the legal basis.")
    if description.update not in set(Update):
        typed.wrong["update"] = N_("Choose what happens to existing subscribers.")
